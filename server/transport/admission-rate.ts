/** The pace at which a quiet time ends, in clients a second. */
const INITIAL_PER_SECOND = 100;

/** However busy it is, a broker lets in so many a second: those who wait must not wait for ever. */
const MIN_PER_SECOND = 40;

/** By how much it is faster on average while a full queue is let in and all is well. */
const EXPECTED_GAIN = 1.5;

/** A timer that is so late shows that whoever is connected has to wait, too. */
const LATE_MS = 5;

/** What the pace becomes with each client that is let in on time, and with each late timer. */
const INCREASE_FACTOR = 1.001;
const DECREASE_FACTOR = 0.8;

/** So long without anybody waiting, and the next rush begins at the first pace again. */
const QUIET_MS = 1_000;

/**
 * How fast clients are let in who come all at once: as fast as the broker can while it stays quick for those who are
 * connected. Nobody knows that figure beforehand, so it is found as TCP finds its rate: a little faster as long as all is
 * well, and a good deal slower at the first sign of congestion (additive increase, multiplicative decrease; Chiu and Jain,
 * 1989). The sign is the broker's own timers: late ones mean long turns of its event loop, or a processor that others use.
 */
export class AdmissionRate {
  readonly #most: number;
  #perSecond: number;
  #lastMs = -Infinity;

  /** @param most clients a second, at the most */
  constructor(most: number) {
    this.#most = most;
    this.#perSecond = this.#bounded(INITIAL_PER_SECOND);
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** For those who come last now. */
  get expectedPerSecond(): number {
    return this.#bounded(this.#perSecond * EXPECTED_GAIN);
  }

  get intervalMs(): number {
    return 1_000 / this.#perSecond;
  }

  /** One was let in after its turn. */
  recordAdmission(nowMs: number): void {
    if (nowMs - this.#lastMs > QUIET_MS) this.#perSecond = this.#bounded(INITIAL_PER_SECOND);
    this.#lastMs = nowMs;
    this.#perSecond = this.#bounded(this.#perSecond * INCREASE_FACTOR);
  }

  /** A timer ran so much later than it should have. */
  recordTimerDelay(lateMs: number): void {
    if (lateMs > LATE_MS) this.#perSecond = this.#bounded(this.#perSecond * DECREASE_FACTOR);
  }

  #bounded(perSecond: number): number {
    return Math.min(this.#most, Math.max(Math.min(MIN_PER_SECOND, this.#most), perSecond));
  }
}
