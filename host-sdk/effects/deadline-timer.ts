import type { Clock } from '@duskline/sdk-runtime';

/** The longest delay of a Node timer. A longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/**
 * One timer for the first of many deadlines. A deadline that is postponed needs no call: the timer fires too early and the check finds
 * nothing due. So recording a player's input is cheap.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #check: () => number;
  #cancel: () => void = () => undefined;
  #checkAtMs = Infinity;
  #isStopped = false;

  /** @param check handles what is due, and returns when the next deadline is */
  constructor(clock: Clock, check: () => number) {
    this.#clock = clock;
    this.#check = check;
  }

  /** Makes the timer fire at this time at the latest. */
  schedule(dueAtMs: number): void {
    if (this.#isStopped || dueAtMs >= this.#checkAtMs) return;
    this.#cancel();
    this.#checkAtMs = dueAtMs;
    const delayMs = Math.max(0, dueAtMs - this.#clock.monotonicMs());
    this.#cancel = this.#clock.setTimer(
      () => {
        this.#checkAtMs = Infinity;
        this.schedule(this.#check());
      },
      Math.min(MAX_TIMER_MS, delayMs),
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }
}
