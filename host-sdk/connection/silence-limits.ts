/** However often a host beats, no slow round trip is taken for silence before this. */
const MIN_SILENCE_MS = 500;

/** How often something is to be heard of a living broker. */
export interface SignalIntervals {
  /** How often the host beats; each heartbeat goes with a ping, which the broker answers. 0: not known. */
  readonly heartbeatIntervalMs: number;
  /** How often the broker pings; 0: it does not. */
  readonly pingIntervalMs: number;
}

/** What a silence may be, in milliseconds. */
export interface SilenceLimits {
  /** A broker that is not heard for so long is dead; `Infinity` when its silence says nothing. */
  readonly maxSilenceMs: number;
  /**
   * A timer that fires later than this says that this process was paused, not that the broker was silent:
   * what the broker sent may still wait to be read.
   */
  readonly maxLateMs: number;
}

/**
 * Two and a half heartbeats, of the five after which the fleet gives a host up for lost: what is left is for
 * registering with another broker. Two of the broker's own pings where the host does not know its heartbeat.
 *
 * Before a look that is on time, a living broker was heard within two heartbeats, or within one of its pings.
 * The rest of what is tolerated is how late a look may be and still mean something.
 */
export function computeSilenceLimits({
  heartbeatIntervalMs,
  pingIntervalMs,
}: SignalIntervals): SilenceLimits {
  if (heartbeatIntervalMs > 0) {
    const maxSilenceMs = Math.max(MIN_SILENCE_MS, 2.5 * heartbeatIntervalMs);
    return { maxSilenceMs, maxLateMs: maxSilenceMs - 2 * heartbeatIntervalMs };
  }
  if (pingIntervalMs > 0) return { maxSilenceMs: 2 * pingIntervalMs, maxLateMs: pingIntervalMs };
  return { maxSilenceMs: Infinity, maxLateMs: Infinity };
}
