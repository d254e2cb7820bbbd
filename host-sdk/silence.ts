/** Missed ping intervals after which a silent connection is dead. */
const SILENT_INTERVALS = 2;

export interface Silence {
  /** Now, when the timer fired, and when it should have; all by the monotonic clock. */
  readonly nowMs: number;
  readonly dueAtMs: number;
  /** When the last ping or frame arrived. */
  readonly lastHeardMs: number;
  readonly heartbeatIntervalMs: number;
  /** 0: the broker does not ping, and silence says nothing. */
  readonly pingIntervalMs: number;
}

/**
 * Whether the connection is dead. A timer that fired much too late says that this process was paused, not
 * that the broker was silent: its pings may still wait to be read, so the next look decides.
 */
export function isDead(silence: Silence): boolean {
  const { nowMs, dueAtMs, lastHeardMs, heartbeatIntervalMs, pingIntervalMs } = silence;
  if (pingIntervalMs === 0 || nowMs - dueAtMs > heartbeatIntervalMs) return false;
  return nowMs - lastHeardMs > SILENT_INTERVALS * pingIntervalMs;
}
