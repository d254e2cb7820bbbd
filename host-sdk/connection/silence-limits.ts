/** Lower bound, however short the heartbeat interval: a slow round trip must not count as silence. */
const MIN_SILENCE_MS = 500;

/** The intervals at which a live broker sends something. */
export interface SignalIntervals {
  /** Interval of the host's heartbeats. Each is sent with a ping, which the broker answers. 0 if unknown. */
  readonly heartbeatIntervalMs: number;
  /** Interval of the broker's pings. 0 if it sends none. */
  readonly pingIntervalMs: number;
}

/** How long a broker may be silent, in milliseconds. */
export interface SilenceLimits {
  /** The broker counts as dead after this time without a message, ping or pong. `Infinity`: never. */
  readonly maxSilenceMs: number;
  /**
   * A timer that fires later than this means that this process was paused, not that the broker was silent: messages of the broker
   * may be waiting to be read.
   */
  readonly maxLateMs: number;
}

/**
 * The silence limit is 2.5 heartbeat intervals. The fleet declares a host lost after 5, so the host has 2.5 left to register with
 * another broker. If the heartbeat interval is unknown, the limit is two intervals of the broker's pings.
 *
 * At a check that is on time, a live broker has sent something within the last two heartbeat intervals, or within one ping
 * interval. The rest of the limit is how late a check may be and still prove a silence.
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
