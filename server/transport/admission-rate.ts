/** Initial rate, also after a quiet time, in clients per second. */
const INITIAL_PER_SECOND = 100;

/** Lowest rate of a busy broker, in clients per second, so that the queue always moves. */
const MIN_PER_SECOND = 40;

/** Average rate while a full queue is admitted without congestion, relative to the rate at its start. */
const EXPECTED_GAIN = 1.5;

/** A timer that is later than this shows that connected clients are delayed too. */
const LATE_MS = 5;

/** Factors on the rate with each admission, and with each late timer. */
const INCREASE_FACTOR = 1.001;
const DECREASE_FACTOR = 0.8;

/** After this time without admissions the rate starts at `INITIAL_PER_SECOND` again. */
const QUIET_MS = 1_000;

/**
 * The rate of admissions when many clients connect at once: as high as possible while the broker stays fast for connected
 * clients. That rate is not known beforehand, so it is found as TCP finds its rate: slow increase while there is no
 * congestion, fast decrease at the first sign of it (Chiu and Jain, Analysis of the Increase and Decrease Algorithms for
 * Congestion Avoidance, 1989). The sign is a late timer of the broker: its event loop has long turns, or the processor is
 * busy.
 */
export class AdmissionRate {
  readonly #most: number;
  #perSecond: number;
  #lastMs = -Infinity;

  /** @param most highest rate, in clients per second */
  constructor(most: number) {
    this.#most = most;
    this.#perSecond = this.#bounded(INITIAL_PER_SECOND);
  }

  /** Present rate, in clients per second. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** Expected average rate for a client that joins the end of a full queue, in clients per second. */
  get expectedPerSecond(): number {
    return this.#bounded(this.#perSecond * EXPECTED_GAIN);
  }

  /** Time between two admissions. */
  get intervalMs(): number {
    return 1_000 / this.#perSecond;
  }

  /** Records an admission, which raises the rate a little. */
  recordAdmission(nowMs: number): void {
    if (nowMs - this.#lastMs > QUIET_MS) this.#perSecond = this.#bounded(INITIAL_PER_SECOND);
    this.#lastMs = nowMs;
    this.#perSecond = this.#bounded(this.#perSecond * INCREASE_FACTOR);
  }

  /** Records how late a timer ran. A late one lowers the rate. */
  recordTimerDelay(lateMs: number): void {
    if (lateMs > LATE_MS) this.#perSecond = this.#bounded(this.#perSecond * DECREASE_FACTOR);
  }

  #bounded(perSecond: number): number {
    return Math.min(this.#most, Math.max(Math.min(MIN_PER_SECOND, this.#most), perSecond));
  }
}
