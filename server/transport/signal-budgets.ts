import { MessageBudget, type MessageRate } from './message-budget.js';

/** What one end of a session may signal: a WebRTC exchange of some hundred candidates, and again when it fails. */
export const SIGNAL_RATE: MessageRate = { perSecond: 50, burst: 200 };

/** After so long without a signal a budget is as good as new, and need not be kept. */
const FORGET_AFTER_MS = (SIGNAL_RATE.burst / SIGNAL_RATE.perSecond) * 1_000;

/** Below this many budgets nobody looks for those that need not be kept. */
const MIN_TIDY_SIZE = 64;

/** A budget per session for the signals of one connection. Sessions are named by the peer: it may make them up. */
export class SignalBudgets {
  readonly #budgets = new Map<string, { readonly budget: MessageBudget; usedAtMs: number }>();
  #tidyAt = MIN_TIDY_SIZE;

  /** Whether one more signal for that session is within its budget, which it then uses. */
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

  get size(): number {
    return this.#budgets.size;
  }

  #removeUnused(nowMs: number): void {
    for (const [sessionId, { usedAtMs }] of this.#budgets) {
      if (nowMs - usedAtMs >= FORGET_AFTER_MS) this.#budgets.delete(sessionId);
    }
    // Twice what is left, so that tidying costs each new budget no more than a moment.
    this.#tidyAt = Math.max(MIN_TIDY_SIZE, 2 * this.#budgets.size);
  }
}
