import {
  allowanceOf,
  newMoveBudget,
  refillBudget,
  chargeBudget,
} from '@duskline/server/domain/rebalance/limits/move-budget.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';
import fc from 'fast-check';

const HOUR_MS = 3_600_000;
const { minBurstMoves, movesPerSessionHour } = DEFAULT_REBALANCE_LIMITS;

describe('The move budget', () => {
  it('starts with the minimum burst for one host', () => {
    expect(allowanceOf(newMoveBudget(0))).to.equal(minBurstMoves);
  });

  it('grows with time and sessions: half a move per session and hour', () => {
    const spent = chargeBudget(newMoveBudget(0), minBurstMoves);
    expect(allowanceOf(spent)).to.equal(0);
    // The budget of 7,200 sessions grows by one move per second.
    expect(allowanceOf(refillBudget(spent, 10_000, 7_200))).to.equal(10);
  });

  it('accumulates at most two minutes', () => {
    expect(allowanceOf(refillBudget(newMoveBudget(0), 24 * HOUR_MS, 7_200))).to.equal(120);
    expect(allowanceOf(refillBudget(newMoveBudget(0), 24 * HOUR_MS, 10))).to.equal(minBurstMoves);
  });

  it('does not grow when the clock jumps back', () => {
    const spent = chargeBudget(newMoveBudget(10_000), minBurstMoves);
    expect(allowanceOf(refillBudget(spent, 0, 1e6))).to.equal(0);
  });

  it('is never exceeded over any period, however it is spent', () => {
    const step = fc.record({
      waitMs: fc.nat({ max: 60_000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step), fc.nat({ max: 100_000 }), (steps, sessions) => {
        let [budget, nowMs, moves] = [newMoveBudget(0), 0, 0];
        for (const { waitMs, share } of steps) {
          nowMs += waitMs;
          budget = refillBudget(budget, nowMs, sessions);
          const spent = Math.floor(allowanceOf(budget) * share);
          budget = chargeBudget(budget, spent);
          moves += spent;
        }
        const earned = (movesPerSessionHour * sessions * nowMs) / HOUR_MS;
        expect(moves).to.be.at.most(minBurstMoves + earned + 1e-6);
      }),
    );
  });
});
