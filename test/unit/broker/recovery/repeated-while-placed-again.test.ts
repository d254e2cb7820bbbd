import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

const LOST_AFTER_MS = 14_000;
const LONG_MS = 6_000;

for (const broker of [0, 1]) {
  describe(`A session that is placed again while another connection, to ${broker === 0 ? 'the same' : 'another'} broker, repeats its request`, () => {
    it('stays with that connection, whose ticket is the newest, although its former one is answered later', async () => {
      const fleet = await ManualFleet.start({ brokers: 2 });
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const first = fleet.player('alice');
      first.play('r1');
      await fleet.clock.elapse(1_000);
      const { sessionId } = first.take('matched') as unknown as { sessionId: string };
      host.claim(sessionId);
      await fleet.clock.elapse(1_000);
      first.channel.skip();

      await fleet.host({ hostId: 'h2', slots: 1 });
      const release = holdFirst(fleet.store, 'findRequests', 'answer');
      host.fallSilent();
      await fleet.clock.elapse(LOST_AFTER_MS);
      expect(first.channel.unread).to.deep.equal([]);
      const second = fleet.player('alice', broker);
      second.play('r1');
      await fleet.clock.elapse(1_000);
      expect(second.take('matched')).to.include({ requestId: 'r1', sessionId, epoch: 2 });

      release();
      await fleet.clock.elapse(LONG_MS);
      expect(first.take('replaced')).to.include({ requestId: 'r1', byRequestId: 'r1' });
      expect(second.channel.unread.filter((type) => type !== 'session')).to.deep.equal([]);
      first.end(sessionId);
      await fleet.clock.settle();
      expect(first.take('error')).to.include({ code: 'UNKNOWN_SESSION' });
      second.end(sessionId);
      await fleet.clock.settle();
      expect(second.take('session', ({ state }) => state === 'ended')).to.include({ reason: 'client_left' });
      await fleet.stop();
    });

    for (const call of ['recordRequests', 'reserve', 'findRequests', 'getEndpoints'] as const) {
      it(`stays with that connection when the first one is answered later, because the answer of ${call} is late`, async () => {
        const fleet = await ManualFleet.start({ brokers: 2 });
        await fleet.host({ hostId: 'h1', slots: 1 }, 1);
        const first = fleet.player('alice');
        const release = holdFirst(fleet.store, call, 'answer');
        first.play('r1');
        await fleet.clock.elapse(500);
        const second = fleet.player('alice', broker);
        second.play('r1');
        await fleet.clock.elapse(1_000);
        release();
        await fleet.clock.elapse(LONG_MS);
        const { sessionId } = second.take('matched') as unknown as { sessionId: string };
        const told = [...first.channel.unread];
        expect(told.at(-1), String(told)).to.equal('replaced');
        expect(second.channel.unread).to.deep.equal([]);
        second.end(sessionId);
        await fleet.clock.settle();
        expect(second.take('session')).to.include({ state: 'ended', reason: 'client_left' });
        await fleet.stop();
      });
    }
  });
}
