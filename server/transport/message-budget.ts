/** How many messages a connection may send: `perSecond` on average, `burst` at once. */
export interface MessageRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket (RFC 2697 in spirit): refilled by time, emptied by messages. */
export class MessageBudget {
  readonly #rate: MessageRate;
  #left: number;
  #filledAtMs: number;

  constructor(rate: MessageRate, nowMs: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#filledAtMs = nowMs;
  }

  /** Whether one more message is within the budget, which it then uses. */
  spend(nowMs: number): boolean {
    const refill = ((nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + refill);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
