import { computeSilenceLimits, type SignalIntervals, type SilenceLimits } from './silence-limits.js';

/** What is due at a check: nothing yet, a heartbeat, or the end of a connection whose broker is silent. */
export type DueAction = 'nothing' | 'heartbeat' | 'silence';

/** When a registered connection sends heartbeats, and when its silence means that the broker is dead. Has no timer. */
export class HeartbeatSchedule {
  readonly #intervalMs: number;
  readonly #limits: SilenceLimits;
  #nextHeartbeatAtMs: number;
  #lastTrafficAtMs: number;

  /**
   * @param heartbeatIntervalMs how often the host sends heartbeats
   * @param intervals as the broker named them
   * @param nowMs when the broker registered the host
   */
  constructor(heartbeatIntervalMs: number, intervals: SignalIntervals, nowMs: number) {
    this.#intervalMs = heartbeatIntervalMs;
    this.#limits = computeSilenceLimits(intervals);
    this.#nextHeartbeatAtMs = nowMs + heartbeatIntervalMs;
    this.#lastTrafficAtMs = nowMs;
  }

  /** When to check next. */
  get dueAtMs(): number {
    return Math.min(this.#nextHeartbeatAtMs, this.#lastTrafficAtMs + this.#limits.maxSilenceMs);
  }

  /** The broker sent a message, a ping or a pong. */
  recordTraffic(nowMs: number): void {
    this.#lastTrafficAtMs = nowMs;
  }

  /** @param dueAtMs when the check was due: one that is much later means that this process was paused */
  check(dueAtMs: number, nowMs: number): DueAction {
    if (nowMs - dueAtMs > this.#limits.maxLateMs) this.#lastTrafficAtMs = nowMs;
    if (nowMs >= this.#lastTrafficAtMs + this.#limits.maxSilenceMs) return 'silence';
    if (nowMs < this.#nextHeartbeatAtMs) return 'nothing';
    this.#nextHeartbeatAtMs = nowMs + this.#intervalMs;
    return 'heartbeat';
  }
}
