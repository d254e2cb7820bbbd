import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import { StoreFaults } from '../../../support/manual/store-faults.js';

describe('A takeover whose player cancels it on another broker', () => {
  it('ends the session before it, although the store was away when that was to end', async () => {
    const faults = new StoreFaults();
    const fleet = await ManualFleet.start({
      brokers: 2,
      changeStore: (store, clock) => faults.install(store, clock),
    });
    try {
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const tv = fleet.player('alice', 0);
      tv.play('r1');
      await fleet.clock.settle();
      host.claim(String(tv.take('matched')['sessionId']));
      await fleet.clock.elapse(1_000);
      faults.plan('withdrawEntries', { part: 'call lost', lateMs: 1 });
      const phone = fleet.player('alice', 1);
      phone.play('r2', { onConflict: 'takeover' });
      await fleet.clock.settle();
      tv.cancel('r2');
      await fleet.clock.elapse(10_000);
      expect(tv.take('error')).to.include({ code: 'CANCELLED', requestId: 'r2' });
      expect([...host.sessions.keys()], 'sessions of the host').to.deep.equal([]);
      expect(tv.take('session', ({ state }) => state === 'ended')).to.include({ reason: 'superseded' });
      tv.play('r3', { wait: false });
      await fleet.clock.elapse(1_000);
      expect(tv.take('matched')).to.include({ requestId: 'r3' });
    } finally {
      await fleet.stop();
    }
  });
});
