import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

describe('A request that another device resumes while its broker checks that it still has the new slot', () => {
  for (const [where, brokers, hostBroker] of [
    ['one broker', 1, 0],
    ['two brokers, the host at the first', 2, 0],
    ['two brokers, the host at the second', 2, 1],
  ] as const) {
    it(`leaves the slot to that device, with ${where}`, async () => {
      const fleet = await ManualFleet.start({ brokers });
      try {
        const host = await fleet.host({ hostId: 'h1', slots: 1 }, hostBroker);
        const tv = fleet.player('alice', 0);
        const phone = fleet.player('alice', brokers - 1);
        const release = holdFirst(fleet.store, 'findRequests', 'call');
        tv.play('r1', { onConflict: 'takeover' });
        await fleet.clock.settle();
        phone.play('r2', { onConflict: 'resume' });
        await fleet.clock.elapse(300);
        const sessionId = String(phone.take('matched')['sessionId']);
        release();
        await fleet.clock.elapse(2_000);
        expect(tv.take('replaced')).to.include({ requestId: 'r1', byRequestId: 'r2' });
        host.claim(sessionId);
        await fleet.clock.elapse(2_000);
        expect(phone.take('session', ({ state }) => state === 'connected')).to.include({ sessionId });
        phone.channel.skip();
        await fleet.clock.elapse(40_000);
        expect(phone.channel.unread).to.deep.equal([]);
        expect([...host.sessions.keys()]).to.deep.equal([sessionId]);
      } finally {
        await fleet.stop();
      }
    });
  }
});

describe('A host that registers again while a slot on it is being reserved', () => {
  it('is told the end when the client cancels the request before it is matched', async () => {
    const fleet = await ManualFleet.start();
    try {
      const before = await fleet.host({ hostId: 'h1', slots: 1 });
      const tv = fleet.player('alice');
      const release = holdFirst(fleet.store, 'reserve', 'answer');
      tv.play('r1');
      await fleet.clock.settle();
      before.channel.close();
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const [sessionId = 'none'] = host.prepared.keys();
      tv.cancel('r1');
      release();
      await fleet.clock.elapse(2_000);
      expect(tv.take('error')).to.include({ code: 'CANCELLED' });
      expect(host.take('end')).to.include({ sessionId, reason: 'client_left' });
    } finally {
      await fleet.stop();
    }
  });
});
