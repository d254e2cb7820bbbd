import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

describe('A request that waits again because the host of its reservation was lost', () => {
  let fleet: ManualFleet;
  beforeEach(async () => {
    fleet = await ManualFleet.start();
  });
  afterEach(() => fleet.stop());

  it('is the live request of its player, also if the lost host was in another region than its queue', async () => {
    const near = await fleet.host({ hostId: 'h1', slots: 1 });
    const holder = fleet.player('holder');
    holder.play('r1');
    await fleet.clock.settle();
    near.claim(String(holder.take('matched')['sessionId']));
    const next = await fleet.host({ hostId: 'h2', region: 'next', slots: 1 });
    const alice = fleet.player('alice');
    alice.play('r1', { rtt: { near: 12, next: 20 } });
    await fleet.clock.settle();
    expect(alice.take('matched')).to.include({ region: 'next' });
    await fleet.store.addClosure({ region: 'next', pool: 'console-x' }, null, 'draining');
    next.fallSilent();
    await fleet.clock.elapse(14_000);
    expect(alice.take('queued')).to.include({ region: 'near', position: 1 });

    const secondDevice = fleet.player('alice');
    secondDevice.play('r2', { rtt: { near: 12, next: 20 } });
    await fleet.clock.elapse(1_000);
    expect(secondDevice.take('error')).to.include({ code: 'SESSION_EXISTS' });
  });
});
