import { expect } from 'chai';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { waitUntil, retryUntilSuccess } from '../../support/time/eventually.js';
import {
  SHORT_INTERVALS,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import { sessionIdOf } from '../../support/fleet/fleet-data.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';
import { pauseFor } from '../../support/time/pacing.js';
import {
  keepSendingHeartbeats,
  play,
  queueUp,
  acceptOffer,
  startStream,
  type ListedSession,
} from '../../support/fleet/test-fleet.js';

const ANSWERS = ['matched', 'queued', 'offer', 'error'];
const LIMITS = { heartbeatIntervalMs: 250, suspectAfterMs: 60_000, lostAfterMs: 120_000 };

for (const brokerCount of [1, 2]) {
  describe(`A socket that is lost while Redis is down, before Redis returns empty, with ${brokerCount === 1 ? 'one broker' : 'two brokers'}`, function () {
    this.timeout(30_000);
    let redis: RedisServer;
    let stores: FleetStore[];
    let brokers: Duskline[];
    let host: Peer;
    let held: ListedSession[];

    beforeEach(async () => {
      redis = await startRedisServer();
      const target = { kind: 'single' as const, url: redis.url };
      stores = await Promise.all(
        Array.from({ length: brokerCount }, () => createRedisStore({ target, suspectAfterMs: 60_000 })),
      );
      brokers = [];
      for (const store of stores)
        brokers.push(await startTestBroker({ store, limits: LIMITS, intervals: SHORT_INTERVALS }));
      held = [];
    });
    afterEach(async () => {
      await Promise.all(brokers.map((broker) => broker.stop()));
      await Promise.all(stores.map((store) => store.close()));
      await redis.stop();
    });

    const url = (broker: number): string => brokers[broker % brokerCount]!.url;

    async function openHost(slots: number): Promise<void> {
      host = await openReadyHost(brokers.at(-1)!, { hostId: 'h1', slots });
      keepSendingHeartbeats(host, () => held);
    }

    /** Starts a session whose stream runs. */
    async function playing(name: string): Promise<{ player: Peer; matched: Frame }> {
      const player = await openPlayer(url(0), name);
      return { player, matched: await startStream(player, host, held) };
    }

    /** Kills Redis, runs `meanwhile`, and starts Redis again without data. */
    async function loseEverything(meanwhile: () => Promise<void>): Promise<void> {
      await redis.kill();
      await waitUntil(() => brokers.every(({ broker }) => !broker.ready));
      await meanwhile();
      await redis.restart();
      await retryUntilSuccess(() => stores.at(-1)!.ping());
    }

    /** Repeats a request, after the retry time of each UNAVAILABLE, until it gets another answer. */
    async function insist(player: Peer, requestId: string, change: object = {}): Promise<Frame> {
      for (;;) {
        play(player, requestId, change);
        // A broker waits until the hosts had time to restore the data before it answers for an unknown request.
        await waitUntil(() => player.unread.some(({ type }) => ANSWERS.includes(type)), 10_000);
        const frame = await player.nextOf(ANSWERS);
        if (frame['code'] !== 'UNAVAILABLE') return frame;
        await pauseFor(Number(frame['retryAfterMs']));
      }
    }

    it('costs no session: the repeated request finds it', async () => {
      await openHost(4);
      const { player, matched } = await playing('alice');
      await loseEverything(async () => player.terminate());
      const back = await openPlayer(url(1), 'alice');
      const again = await insist(back, 'r1');
      expect(again).to.include({ type: 'matched', sessionId: matched['sessionId'], epoch: 1 });
      expect(await back.next('session')).to.include({ state: 'connected' });
    });

    it('costs no session when it is lost just after the return of Redis', async () => {
      await openHost(4);
      const { player, matched } = await playing('alice');
      await loseEverything(async () => undefined);
      player.terminate();
      const back = await openPlayer(url(1), 'alice');
      const again = await insist(back, 'r1');
      expect(again).to.include({ type: 'matched', sessionId: matched['sessionId'], epoch: 1 });
    });

    it('costs no session when the socket that replaced it is lost, too', async () => {
      await openHost(4);
      const { player, matched } = await playing('alice');
      await loseEverything(async () => {
        player.terminate();
        const second = await openPlayer(url(1), 'alice');
        play(second, 'r1');
        expect(await second.next('error')).to.include({ code: 'UNAVAILABLE' });
        second.terminate();
      });
      const third = await openPlayer(url(1), 'alice');
      play(third, 'r1');
      third.terminate();
      const back = await openPlayer(url(0), 'alice');
      const again = await insist(back, 'r1');
      expect(again).to.include({ type: 'matched', sessionId: matched['sessionId'], epoch: 1 });
      expect(await back.next('session')).to.include({ state: 'connected' });
    });

    it('costs no position when the socket that replaced it is lost, too', async () => {
      await openHost(1);
      const { player: holder, matched } = await playing('holder');
      const alice = await openPlayer(url(0), 'alice');
      await queueUp(alice, 'r1');
      await loseEverything(async () => {
        alice.terminate();
        const second = await openPlayer(url(1), 'alice');
        play(second, 'r1');
        expect(await second.next('error')).to.include({ code: 'UNAVAILABLE' });
        second.terminate();
      });
      const bob = await openPlayer(url(1), 'bob');
      const back = await openPlayer(url(0), 'alice');
      expect(await insist(bob, 'r1')).to.include({ type: 'queued', position: 2 });
      expect(await insist(back, 'r1')).to.include({ type: 'queued', position: 1 });
      held.splice(0);
      holder.send({ type: 'end', sessionId: matched['sessionId'] });
      await acceptOffer(back);
    });

    it('creates no second session for a player who makes another request', async () => {
      await openHost(4);
      const { player, matched } = await playing('alice');
      await loseEverything(async () => player.terminate());
      const back = await openPlayer(url(1), 'alice');
      const { sessionId } = matched;
      expect(await insist(back, 'r2')).to.include({ type: 'error', code: 'SESSION_EXISTS', sessionId });
    });

    it('does not let new players pass those who waited before', async () => {
      await openHost(1);
      const { player: holder, matched } = await playing('holder');
      const alice = await openPlayer(url(0), 'alice');
      await queueUp(alice, 'r1');
      await loseEverything(async () => alice.terminate());
      const bob = await openPlayer(url(1), 'bob');
      const back = await openPlayer(url(1), 'alice');
      expect(await insist(bob, 'r1')).to.include({ type: 'queued', position: 2 });
      expect(await insist(back, 'r1')).to.include({ type: 'queued', position: 1 });
      held.splice(0);
      holder.send({ type: 'end', sessionId: matched['sessionId'] });
      await acceptOffer(back);
      expect(bob.unread.filter(({ type }) => type === 'offer')).to.deep.equal([]);
    });

    it('puts a player whose reservation was lost to a running session first in line', async () => {
      await openHost(1);
      const alice = await openPlayer(url(0), 'alice');
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched');
      // Running sessions take precedence over reservations when the data is restored.
      await loseEverything(
        async () => void held.push({ sessionId: sessionIdOf(7), epoch: 1, state: 'connected' }),
      );
      await waitUntil(() => alice.unread.some(({ type }) => type === 'queued'), 15_000);
      expect(await alice.next('queued')).to.include({ requestId: 'r1', position: 1 });
      const bob = await openPlayer(url(1), 'bob');
      expect(await insist(bob, 'r1')).to.include({ type: 'queued', position: 2 });
      held.splice(0);
      expect(await acceptOffer(alice)).to.include({ requestId: 'r1', sessionId });
      expect(alice.unread).to.deep.equal([]);
    });
  });
}
