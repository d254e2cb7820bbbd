import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualPlayer } from '../../../support/manual/manual-peers.js';

const LOST_AFTER_MS = 14_000;
/** Longer than a broker searches a request that another one places, and than a queue is polled. */
const LONG_MS = 12_000;

type Call = 'recordRequests' | 'reserve' | 'enqueue' | 'startAttempt';

describe('A request that its player cancels on another connection', () => {
  for (const brokers of [1, 2]) {
    describe(`to ${brokers === 1 ? 'the same broker' : 'another broker'}`, () => {
      let fleet: ManualFleet;
      let first: ManualPlayer;
      let second: ManualPlayer;

      beforeEach(async () => {
        fleet = await ManualFleet.start({ brokers });
        first = fleet.player('alice', 0);
        second = fleet.player('alice', brokers - 1);
      });
      afterEach(() => fleet.stop());

      /**
       * No slot, queue position or live request is left, and nobody is told anything more.
       *
       * @param others sessions of other players
       */
      async function expectNothingLeft(others = 0): Promise<void> {
        first.channel.skip();
        await fleet.clock.elapse(LONG_MS);
        expect(first.channel.unread, 'told to the first connection later').to.deep.equal([]);
        expect(second.channel.unread, 'told to the second connection later').to.deep.equal([]);
        const { regions } = await fleet.brokers[0]!.status();
        const pools = regions.flatMap((region) => region.pools);
        expect(pools.reduce((sum, { sessions }) => sum + sessions, 0)).to.equal(others);
        expect(pools.reduce((sum, { waiting }) => sum + waiting, 0)).to.equal(0);
        for (const { prepared } of fleet.hosts) expect([...prepared]).to.deep.equal([]);
        second.play('r2', { wait: false });
        await fleet.clock.elapse(1_000);
        expect(second.channel.unread).to.deep.equal([others === 0 ? 'matched' : 'error']);
        if (others > 0) expect(second.take('error')).to.include({ code: 'NO_CAPACITY' });
      }

      const calls: readonly { readonly call: Call; readonly slots: number }[] = [
        { call: 'recordRequests', slots: 1 },
        { call: 'reserve', slots: 1 },
        { call: 'enqueue', slots: 0 },
      ];
      for (const { call, slots } of calls) {
        for (const part of ['call', 'answer'] as const) {
          // A cancel that reaches the store before the request does not concern it.
          if (brokers === 2 && call === 'recordRequests' && part === 'call') continue;
          it(`is over, while the ${part} of ${call} is late`, async () => {
            const host = await fleet.host({ hostId: 'h1', slots: 1 });
            if (slots === 0) {
              const holder = fleet.player('holder');
              holder.play('r1');
              await fleet.clock.settle();
              host.claim(String(holder.take('matched')['sessionId']));
            }
            const release = holdFirst(fleet.store, call, part);
            first.play('r1');
            await fleet.clock.settle();
            second.cancel('r1');
            await fleet.clock.elapse(200);
            release();
            await fleet.clock.elapse(LONG_MS);
            expect(second.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
            const [last = 'nothing'] = first.channel.unread.slice(-1);
            expect(['error', 'session', 'nothing'], 'told to the first connection last').to.include(last);
            await expectNothingLeft(1 - slots);
          });
        }
      }

      for (const call of ['startAttempt', 'reserve'] as const) {
        it(`is over, while its session is placed again and the answer of ${call} is late`, async () => {
          const lost = await fleet.host({ hostId: 'h1', slots: 1 });
          first.play('r1');
          await fleet.clock.settle();
          lost.claim(String(first.take('matched')['sessionId']));
          await fleet.clock.elapse(1_000);
          await fleet.host({ hostId: 'h2', slots: 1 });
          const release = holdFirst(fleet.store, call, 'answer');
          lost.fallSilent();
          lost.sessions.clear();
          await fleet.clock.elapse(LOST_AFTER_MS);
          second.cancel('r1');
          await fleet.clock.elapse(200);
          release();
          await fleet.clock.elapse(LONG_MS);
          expect(second.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
          await expectNothingLeft();
        });
      }

      it('is over on each of several connections that repeat it', async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 1 });
        const holder = fleet.player('holder');
        holder.play('r1');
        await fleet.clock.settle();
        host.claim(String(holder.take('matched')['sessionId']));
        const repeats = [fleet.player('alice', 0), fleet.player('alice', brokers - 1)];
        first.play('r1', { wait: false });
        for (const repeat of repeats) repeat.play('r1');
        await fleet.clock.elapse(100);
        second.cancel('r1');
        await fleet.clock.elapse(LONG_MS);
        expect(second.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
        for (const { channel } of repeats) channel.skip();
        await fleet.clock.elapse(LONG_MS);
        for (const { channel } of repeats) expect(channel.unread).to.deep.equal([]);
      });
    });
  }
});
