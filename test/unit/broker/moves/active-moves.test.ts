import { ActiveMoves, type OutgoingMove } from '@duskline/server/broker/moves/active-moves.js';
import { expect } from 'chai';

const REGION_POOL = { region: 'near', pool: 'console-x' };

function moveTo(toEpoch: number): OutgoingMove {
  return {
    host: {} as OutgoingMove['host'],
    sessionId: 's1',
    epoch: 1,
    to: REGION_POOL,
    toEpoch,
    coordinatorBrokerId: 'b1',
    replyByMs: 1_000,
    expiresAtMs: 2_000,
    phase: 'asked',
  };
}

describe('The moves that a broker takes part in', () => {
  it('keep the next move of a session when the store answers late to the checkpoint of the one before', () => {
    const moves = new ActiveMoves();
    const [first, second] = [moveTo(2), moveTo(3)];
    moves.outgoing.set('s1', first);
    moves.applyToSource(first, { type: 'checkpoint_received', isLate: false });
    moves.applyToSource(first, { type: 'resume_ordered', isThisMove: true });
    expect(moves.outgoing.has('s1')).to.equal(false);
    moves.outgoing.set('s1', second);
    expect(moves.applyToSource(first, { type: 'checkpoint_not_stored' })).to.deep.equal([]);
    expect(moves.applyToSource(first, { type: 'checkpoint_stored' })).to.deep.equal([]);
    expect(moves.outgoing.get('s1')).to.equal(second);
    expect(second.phase).to.equal('asked');
  });
});
