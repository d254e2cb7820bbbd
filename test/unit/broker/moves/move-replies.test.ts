import { MoveReplies } from '@duskline/server/broker/moves/move-replies.js';
import { expect } from 'chai';
import { ManualClock } from '../../../support/time/manual-clock.js';

describe('The replies to a move', () => {
  const refusal = { kind: 'refused', by: 'client', reason: 'the client declined' } as const;
  const lostSlot = { kind: 'refused', by: 'target', reason: 'the slot is gone' } as const;

  it('are handled in the order in which they came', async () => {
    const replies = new MoveReplies(2, new ManualClock());
    const next = replies.waitForNext('target', 1_000);
    replies.add({ kind: 'restored' });
    replies.add({ kind: 'arrived' });
    expect(await next).to.deep.equal({ kind: 'restored' });
    expect(await replies.waitForNext('client', 1_000)).to.deep.equal({ kind: 'arrived' });
  });

  it('end with the loss of the slot, of which the target host is the cause', async () => {
    const replies = new MoveReplies(2, new ManualClock());
    const next = replies.waitForNext('client', 1_000);
    replies.loseSlot(lostSlot.reason);
    expect(await next).to.deep.equal(lostSlot);
  });

  it('name the party that gave the slot up, when the loss of the slot is known first', async () => {
    const replies = new MoveReplies(2, new ManualClock());
    const next = replies.waitForNext('client', 1_000);
    replies.loseSlot(lostSlot.reason);
    replies.add(refusal);
    expect(await next).to.deep.equal(refusal);
  });

  it('count as refused by the party that did not reply in time', async () => {
    const clock = new ManualClock();
    const next = new MoveReplies(2, clock).waitForNext('source', 1_000);
    clock.advance(1_000);
    expect(await next).to.deep.equal({ kind: 'refused', by: 'source', reason: 'no reply in time' });
  });
});
