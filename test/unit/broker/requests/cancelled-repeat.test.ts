import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

/** Longer than a broker searches a request that another one places, and than a reservation lasts. */
const LONG_MS = 40_000;

for (const brokers of [1, 2]) {
  describe(`A repeated request that its client cancels, with ${brokers === 1 ? 'one broker' : 'two brokers'}`, () => {
    let fleet: ManualFleet;
    let host: ManualHost;
    let tv: ManualPlayer;
    let phone: ManualPlayer;

    beforeEach(async () => {
      fleet = await ManualFleet.start({ brokers });
      host = await fleet.host({ hostId: 'h1', slots: 2 });
      tv = fleet.player('alice', 0);
      phone = fleet.player('alice', brokers - 1);
    });
    afterEach(() => fleet.stop());

    it('is over for the client that ends the session while it repeats the request that was replaced', async () => {
      tv.play('r1');
      await fleet.clock.settle();
      const sessionId = String(tv.take('matched')['sessionId']);
      host.claim(sessionId);
      tv.play('r2', { onConflict: 'resume' });
      await fleet.clock.elapse(1_000);
      expect(tv.take('matched')).to.include({ sessionId });
      tv.channel.skip();
      const release = holdFirst(fleet.store, 'getSessions', 'answer');
      tv.play('r1');
      await fleet.clock.settle();
      tv.end(sessionId);
      await fleet.clock.elapse(200);
      release();
      await fleet.clock.elapse(1_000);
      expect(tv.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
      expect([...host.sessions.keys()]).to.deep.equal([]);
      expect(await playOnThirdDevice()).to.equal('matched');
    });

    /** What another device of the player is answered. */
    async function playOnThirdDevice(): Promise<string> {
      const third = fleet.player('alice', 0);
      third.play('r9', { wait: false });
      await fleet.clock.elapse(1_000);
      expect(third.channel.unread).to.have.length(1);
      return third.channel.unread[0] === 'matched' ? 'matched' : String(third.take('error')['code']);
    }

    for (const call of [null, 'recordRequests', 'findRequests', 'getSessions'] as const) {
      it(`leaves the session to the request that continues it${call === null ? '' : `, while the answer of ${call} is late`}`, async () => {
        tv.play('r1');
        await fleet.clock.settle();
        const sessionId = String(tv.take('matched')['sessionId']);
        host.claim(sessionId);
        phone.play('r2', { onConflict: 'resume' });
        await fleet.clock.elapse(1_000);
        expect(phone.take('matched')).to.include({ sessionId });
        tv.channel.skip();
        phone.channel.skip();
        const release = call === null ? () => undefined : holdFirst(fleet.store, call, 'answer');
        tv.play('r1');
        if (call !== null) await fleet.clock.settle();
        tv.cancel('r1');
        await fleet.clock.elapse(200);
        release();
        await fleet.clock.elapse(LONG_MS);
        expect(tv.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
        expect(phone.channel.unread).to.deep.equal([]);
        expect([...host.sessions.keys()]).to.deep.equal([sessionId]);
        expect(await playOnThirdDevice()).to.equal('SESSION_EXISTS');
      });
    }

    for (const call of ['reserve', 'enqueue'] as const) {
      it(`is over on the connection that places it, while ${call} is late`, async () => {
        if (call === 'enqueue') {
          for (const name of ['bob', 'carl']) {
            const holder = fleet.player(name);
            holder.play('r1');
            await fleet.clock.settle();
            host.claim(String(holder.take('matched')['sessionId']));
          }
        }
        const release = holdFirst(fleet.store, call, 'call');
        tv.play('r1');
        await fleet.clock.settle();
        phone.play('r1');
        await fleet.clock.elapse(100);
        phone.cancel('r1');
        await fleet.clock.elapse(200);
        release();
        await fleet.clock.elapse(10_000);
        expect(phone.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
        expect(phone.channel.unread).to.deep.equal([]);
        const { regions } = await fleet.brokers[0]!.status();
        const pools = regions.flatMap((region) => region.pools);
        expect(pools.reduce((sum, { sessions }) => sum + sessions, 0)).to.equal(call === 'enqueue' ? 2 : 0);
        expect(pools.reduce((sum, { waiting }) => sum + waiting, 0)).to.equal(0);
        const [last = 'nothing'] = tv.channel.unread.slice(-1);
        expect(['error', 'session', 'replaced', 'nothing'], 'told to the first connection last').to.include(
          last,
        );
      });
    }
  });

  describe(`A session that ended for its client, who cancels the request, with ${brokers === 1 ? 'one broker' : 'two brokers'}`, () => {
    for (const reason of ['reservation_expired', 'host_lost'] as const) {
      for (const by of ['the same connection', 'another connection'] as const) {
        it(`stays over when its host returns with it, after ${reason} and a cancel on ${by}`, async () => {
          const fleet = await ManualFleet.start({ brokers });
          try {
            const host = await fleet.host({ hostId: 'h1', slots: 1 });
            const tv = fleet.player('alice', 0);
            tv.play('r1');
            await fleet.clock.settle();
            const sessionId = String(tv.take('matched')['sessionId']);
            if (reason === 'host_lost') host.claim(sessionId);
            await fleet.clock.elapse(reason === 'host_lost' ? 1_000 : 29_900);
            host.channel.close();
            await fleet.clock.elapse(reason === 'host_lost' ? LONG_MS : 1_000);
            expect(tv.take('session', ({ state }) => state === 'ended')).to.include({ reason });
            tv.channel.skip();
            const canceller = by === 'the same connection' ? tv : fleet.player('alice', brokers - 1);
            canceller.cancel('r1');
            await fleet.clock.elapse(1_000);
            expect(canceller.take('error')).to.include({ code: 'CANCELLED' });
            const sessions = [{ sessionId, epoch: 1, state: 'connected' }] as const;
            const returned = await fleet.host({ hostId: 'h1', slots: 1, sessions });
            await fleet.clock.elapse(10_000);
            expect(tv.channel.unread).to.deep.equal([]);
            expect(canceller.channel.unread).to.deep.equal([]);
            expect([...returned.sessions]).to.deep.equal([]);
            canceller.play('r2', { wait: false });
            await fleet.clock.elapse(1_000);
            expect(canceller.channel.unread).to.deep.equal(['matched']);
          } finally {
            await fleet.stop();
          }
        });
      }
    }

    it('ends when its host has returned with it so late that the store knows it only from the host', async () => {
      const fleet = await ManualFleet.start({ brokers });
      try {
        const host = await fleet.host({ hostId: 'h1', slots: 1 });
        const tv = fleet.player('alice', 0);
        tv.play('r1');
        await fleet.clock.settle();
        const sessionId = String(tv.take('matched')['sessionId']);
        host.claim(sessionId);
        await fleet.clock.elapse(1_000);
        host.channel.close();
        await fleet.clock.elapse(100_000);
        tv.channel.close();
        const sessions = [{ sessionId, epoch: 1, state: 'connected' }] as const;
        const returned = await fleet.host({ hostId: 'h1', slots: 1, sessions });
        const phone = fleet.player('alice', brokers - 1);
        phone.cancel('r1');
        await fleet.clock.elapse(10_000);
        expect(phone.take('error')).to.include({ code: 'CANCELLED' });
        expect([...returned.sessions]).to.deep.equal([]);
      } finally {
        await fleet.stop();
      }
    });
  });
}
