import { moveDeadlines } from '@duskline/server/domain/move-deadlines.js';
import { expect } from 'chai';
import fc from 'fast-check';

describe('The time limits of a move', () => {
  it('give the target host twice the time of the others: 10 s by default', () => {
    expect(moveDeadlines(5_000)).to.include({ checkpointMs: 5_000, restoreMs: 10_000, clientMs: 5_000 });
  });

  it('fit into each other, however short a step is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 60_000 }), (stepMs) => {
        const limits = moveDeadlines(stepMs);
        const { checkpointMs, restoreMs, clientMs, deliveryMs, claimMs, reservedMs, pausedMs } = limits;
        // The coordinator waits for one answer after the other, for each one up to its deadline and its delivery.
        const longestMs = checkpointMs + restoreMs + clientMs + 3 * deliveryMs;
        expect(reservedMs).to.be.at.least(longestMs);
        expect(claimMs).to.be.at.least(restoreMs + clientMs + 2 * deliveryMs);
        expect(pausedMs).to.be.above(reservedMs);
      }),
    );
  });
});
