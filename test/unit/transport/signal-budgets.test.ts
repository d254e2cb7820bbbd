import { expect } from 'chai';
import { SIGNAL_RATE, SignalBudgets } from '@duskline/server/transport/signal-budgets.js';

const { burst, perSecond } = SIGNAL_RATE;

/** Number of signals that pass at this time. */
function spendAll(budgets: SignalBudgets, sessionId: string, nowMs: number): number {
  let passed = 0;
  while (budgets.spend(sessionId, nowMs)) passed += 1;
  return passed;
}

describe('The rate limit of signals', () => {
  it('allows a burst, then a number per second, for each session separately', () => {
    const budgets = new SignalBudgets();
    expect(spendAll(budgets, 'a', 0)).to.equal(burst);
    expect(spendAll(budgets, 'a', 1_000)).to.equal(perSecond);
    expect(spendAll(budgets, 'b', 1_000)).to.equal(burst);
    expect(spendAll(budgets, 'a', 100_000), 'never more than a burst').to.equal(burst);
  });

  it('keeps no state for invented session ids', () => {
    const budgets = new SignalBudgets();
    for (let i = 0; i < 10_000; i += 1) budgets.spend(`session-${i}`, i * 10);
    // Entries of the last four seconds, and as many again until the next clean-up.
    expect(budgets.size).to.be.below(1_000);
  });

  it('keeps its state while it is used up', () => {
    const budgets = new SignalBudgets();
    spendAll(budgets, 'busy', 0);
    for (let i = 0; i < 1_000; i += 1) budgets.spend(`session-${i}`, 0);
    expect(budgets.spend('busy', 10)).to.equal(false);
  });
});
