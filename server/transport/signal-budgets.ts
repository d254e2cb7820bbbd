import { MessageBudget, type MessageRate } from './message-budget.js';

/** Rate of the signals of one end of a session: enough for a WebRTC exchange with about a hundred candidates, twice. */
export const SIGNAL_RATE: MessageRate = { perSecond: 50, burst: 200 };

/** After this time without a signal a budget is full again and can be removed. */
const FORGET_AFTER_MS = (SIGNAL_RATE.burst / SIGNAL_RATE.perSecond) * 1_000;

/** Full budgets are not searched for below this number of budgets. */
const MIN_TIDY_SIZE = 64;

/** Budgets for the signals of one connection, by session. Peers may invent session ids, so full budgets are removed. */
export class SignalBudgets {
  readonly #budgets = new Map<string, { readonly budget: MessageBudget; usedAtMs: number }>();
  #tidyAt = MIN_TIDY_SIZE;

  /** Takes one signal out of the session's budget. @returns `false` if the budget is empty */
  spend(sessionId: string, nowMs: number): boolean {
    let entry = this.#budgets.get(sessionId);
    if (entry === undefined) {
      if (this.#budgets.size >= this.#tidyAt) this.#removeUnused(nowMs);
      entry = { budget: new MessageBudget(SIGNAL_RATE, nowMs), usedAtMs: nowMs };
      this.#budgets.set(sessionId, entry);
    }
    entry.usedAtMs = nowMs;
    return entry.budget.spend(nowMs);
  }

  /** Number of budgets, for tests. */
  get size(): number {
    return this.#budgets.size;
  }

  #removeUnused(nowMs: number): void {
    for (const [sessionId, { usedAtMs }] of this.#budgets) {
      if (nowMs - usedAtMs >= FORGET_AFTER_MS) this.#budgets.delete(sessionId);
    }
    // Twice the number that remains, so that the cost of removal per new budget is constant.
    this.#tidyAt = Math.max(MIN_TIDY_SIZE, 2 * this.#budgets.size);
  }
}
