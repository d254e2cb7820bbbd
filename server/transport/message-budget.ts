/** Rate limit of messages: `perSecond` on average, at most `burst` at once. */
export interface MessageRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Token bucket: time refills it, messages empty it. Times are in milliseconds of any monotonic clock. */
export class MessageBudget {
  readonly #rate: MessageRate;
  #left: number;
  #filledAtMs: number;

  constructor(rate: MessageRate, nowMs: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one message out of the budget. @returns `false` if the budget is empty */
  spend(nowMs: number): boolean {
    const refill = ((nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + refill);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
