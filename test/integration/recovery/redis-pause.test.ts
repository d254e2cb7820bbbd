import { expect } from 'chai';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { within } from '../../support/time/deadline.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { pauseFor } from '../../support/time/pacing.js';
import { holdFaultFor } from '../../support/time/scenario-time.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import { keepSendingHeartbeats, play } from '../../support/fleet/test-fleet.js';
import { inContainers } from '../../support/redis/redis-process.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';

const PAUSE_MS = 4_000;
const PLAYERS = 20;

/** A client waits up to 1.25 s before it repeats a request, and brokers notice the return of Redis within 1 s meanwhile. */
const ANSWERED_WITHIN_MS = 2_000;

/** A player whose request was answered, and when. */
interface Answered {
  readonly player: Peer;
  readonly frame: Frame;
  readonly atMs: number;
}

/** Redis is stopped and goes on with its data, as on a machine that swaps. Brokers have the intervals of the product. */
for (const brokerCount of [1, 2]) {
  describe(`A Redis that does not answer for 4 s, with ${brokerCount === 1 ? 'one broker' : 'two brokers'}`, function () {
    this.timeout(30_000);
    let redis: RedisServer;
    let stores: FleetStore[];
    let brokers: Duskline[];
    before(function () {
      if (inContainers()) this.skip();
    });
    beforeEach(async () => {
      redis = await startRedisServer();
      const target = { kind: 'single' as const, url: redis.url };
      const options = { target, suspectAfterMs: 60_000 };
      stores = await Promise.all(Array.from({ length: brokerCount }, () => createRedisStore(options)));
      brokers = [];
      const limits = { suspectAfterMs: 60_000, lostAfterMs: 120_000 };
      for (const store of stores) brokers.push(await startTestBroker({ store, limits }));
    });
    afterEach(async () => {
      redis.thaw();
      await Promise.all(brokers.map((broker) => broker.stop()));
      await Promise.all(stores.map((store) => store.close()));
      await redis.stop();
    });

    const urlOf = (index: number): string => brokers[index % brokerCount]!.url;

    async function openHost(slots: number): Promise<Peer> {
      const host = await openReadyHost(brokers.at(-1)!, { hostId: 'h1', slots });
      keepSendingHeartbeats(host);
      return host;
    }

    /** Sends the request, and repeats it after each UNAVAILABLE, as the SDK does. */
    async function insist(player: Peer, requestId: string): Promise<Answered> {
      for (;;) {
        play(player, requestId);
        const frame = await player.nextOf(['matched', 'queued', 'offer', 'error']);
        if (frame['code'] !== 'UNAVAILABLE') return { player, frame, atMs: performance.now() };
        await pauseFor(Number(frame['retryAfterMs']));
      }
    }

    /** Pauses Redis. Players ask one after the other meanwhile. Returns their answers, and when Redis went on. */
    async function askDuringPause(players: readonly Peer[]): Promise<{
      readonly answers: readonly Promise<Answered>[];
      readonly backAtMs: number;
    }> {
      redis.freeze();
      const pauseIsOver = holdFaultFor(PAUSE_MS);
      const answers: Promise<Answered>[] = [];
      for (const player of players) {
        answers.push(insist(player, 'r1'));
        await pauseFor(PAUSE_MS / players.length);
      }
      await pauseIsOver;
      redis.thaw();
      return { answers, backAtMs: performance.now() };
    }

    const openPlayers = (): Promise<Peer[]> =>
      Promise.all(Array.from({ length: PLAYERS }, (_, i) => openPlayer(urlOf(i), `player-${i}`)));

    for (const isFull of [false, true]) {
      it(`answers everybody who asked meanwhile within 2 s of its end, ${isFull ? 'all slots taken' : 'slots free'}`, async () => {
        const host = await openHost(isFull ? 1 : PLAYERS + 1);
        const holder = await openPlayer(urlOf(0), 'holder');
        play(holder, 'r1');
        await holder.next('matched');
        const players = await openPlayers();
        const { answers, backAtMs } = await askDuringPause(players);
        const answered = await within(10_000, 'everybody is answered', Promise.all(answers));
        for (const { frame, atMs } of answered) {
          expect(frame.type, JSON.stringify(frame)).to.equal(isFull ? 'queued' : 'matched');
          expect(atMs - backAtMs, 'ms after the end of the pause').to.be.below(ANSWERED_WITHIN_MS);
        }
        if (isFull) return;
        expect(new Set(answered.map(({ frame }) => frame['sessionId'])).size).to.equal(PLAYERS);
        const { regions } = await retryUntilSuccess(() => brokers[0]!.broker.status());
        expect(regions[0]?.pools[0]?.sessions, 'slots taken').to.equal(PLAYERS + 1);
        expect(host.unread.filter(({ type }) => type === 'end')).to.deep.equal([]);
      });
    }

    it('lets a player who asks after it wait no longer', async () => {
      await openHost(PLAYERS);
      const players = await openPlayers();
      const late = await openPlayer(urlOf(1), 'late');
      const { answers, backAtMs } = await askDuringPause(players.slice(0, 2));
      const { frame, atMs } = await insist(late, 'r1');
      expect(frame).to.include({ type: 'matched' });
      expect(atMs - backAtMs, 'ms after the end of the pause').to.be.below(ANSWERED_WITHIN_MS);
      await Promise.all(answers);
    });
  });
}
