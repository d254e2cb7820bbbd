import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

describe('A reservation', () => {
  let fleet: ManualFleet;
  beforeEach(async () => {
    fleet = await ManualFleet.start();
  });
  afterEach(() => fleet.stop());

  it('that no client claims ends after its time, and its slot serves the next player', async () => {
    const host = await fleet.host({ hostId: 'h1', slots: 1 });
    const alice = fleet.player('alice');
    alice.play('r1');
    await fleet.clock.settle();
    const { sessionId, claimWithinMs } = alice.take('matched');
    expect(claimWithinMs).to.equal(30_000);
    await fleet.clock.elapse(29_900);
    expect(alice.channel.unread).to.deep.equal([]);
    await fleet.clock.elapse(1_200);
    expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'reservation_expired' });
    expect(host.take('end')).to.include({ sessionId, reason: 'reservation_expired' });
    const bob = fleet.player('bob');
    bob.play('r1');
    await fleet.clock.settle();
    expect(bob.take('matched')).to.include({ epoch: 1 });
  });
});
