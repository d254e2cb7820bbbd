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

describe('A request that waits in the queues of several regions', () => {
  let fleet: ManualFleet;
  beforeEach(async () => {
    fleet = await ManualFleet.start();
  });
  afterEach(() => fleet.stop());

  it('is the live request of its player, also when operators close the region with which it was recorded', async () => {
    const rtt = { near: 12, next: 20 };
    for (const [hostId, region] of [
      ['h1', 'near'],
      ['h2', 'next'],
    ] as const) {
      const host = await fleet.host({ hostId, region, slots: 1 });
      const holder = fleet.player(`holder-of-${hostId}`);
      holder.play('r1', { rtt: { [region]: 12 } });
      await fleet.clock.settle();
      host.claim(String(holder.take('matched')['sessionId']));
    }
    const alice = fleet.player('alice');
    alice.play('r1', { rtt });
    await fleet.clock.elapse(2_000);
    expect(alice.take('queued')).to.include({ position: 1 });
    await fleet.store.addClosure({ region: 'near', pool: 'console-x' }, null, 'draining');
    await fleet.clock.elapse(5_000);

    const secondDevice = fleet.player('alice');
    secondDevice.play('r2', { rtt });
    await fleet.clock.elapse(10_000);
    expect(secondDevice.take('error')).to.include({ code: 'SESSION_EXISTS' });
    expect(alice.channel.unread).not.to.include('error');
  });
});
