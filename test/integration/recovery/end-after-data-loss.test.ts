import { Redis } from 'ioredis';
import { expect } from 'chai';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  SHORT_INTERVALS,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';
import {
  acceptOffer,
  keepSendingHeartbeats,
  play,
  queueUp,
  startStream,
  type ListedSession,
} from '../../support/fleet/test-fleet.js';

const LIMITS = { heartbeatIntervalMs: 250, suspectAfterMs: 60_000, lostAfterMs: 120_000 };

for (const [where, brokerCount, hostBroker] of [
  ['the only broker', 1, 0],
  ['the broker of its client', 2, 0],
  ['another broker', 2, 1],
] as const) {
  describe(`A session on a host of ${where}, when Redis loses its data`, function () {
    this.timeout(20_000);
    let server: RedisServer;
    let redis: Redis;
    let stores: FleetStore[];
    let brokers: Duskline[];
    let host: Peer;
    let held: ListedSession[];
    let ended: Frame[];

    beforeEach(async () => {
      server = await startRedisServer();
      redis = new Redis(server.url);
      const target = { kind: 'single' as const, url: server.url };
      stores = await Promise.all(
        Array.from({ length: brokerCount }, () => createRedisStore({ target, suspectAfterMs: 60_000 })),
      );
      brokers = [];
      for (const store of stores)
        brokers.push(await startTestBroker({ store, limits: LIMITS, intervals: SHORT_INTERVALS }));
      held = [];
      ended = [];
      host = await openReadyHost(brokers[hostBroker]!, { hostId: 'h1', slots: 4 });
      endOnOrder();
    });
    afterEach(async () => {
      redis.disconnect();
      await Promise.all(brokers.map((broker) => broker.stop()));
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
    });

    /** From now on the host ends the sessions that its broker ends. */
    function endOnOrder(): void {
      const handle = (frame: Frame): void => {
        if (frame.type !== 'end') return;
        ended.push(frame);
        held = held.filter(({ sessionId }) => sessionId !== frame['sessionId']);
      };
      host.unread.forEach(handle);
      host.socket.on('message', (data: Buffer) => handle(JSON.parse(data.toString('utf8')) as Frame));
    }

    async function playing(name: string): Promise<{ player: Peer; sessionId: unknown }> {
      const player = await openPlayer(brokers[0]!.url, name);
      const { sessionId } = await startStream(player, host, held);
      return { player, sessionId };
    }

    async function expectFree(): Promise<void> {
      await waitUntil(async () => {
        const { regions } = await brokers.at(-1)!.broker.status();
        return regions[0]?.pools[0]?.sessions === 0 && regions[0].pools[0].readyHosts === 1;
      });
      expect(held).to.deep.equal([]);
    }

    /** Resolves when every broker has checked the store twice: the second check begins after the first is over. */
    async function allHaveCheckedTwice(): Promise<void> {
      const checks = stores.map(() => 0);
      stores.forEach((store, i) => {
        const { getMemoryId } = store;
        store.getMemoryId = () => {
          checks[i]! += 1;
          return getMemoryId();
        };
      });
      await waitUntil(() => checks.every((count) => count > 2));
    }

    it('stays the only one of its player when Redis is emptied without a restart', async () => {
      await playing('alice');
      keepSendingHeartbeats(host, () => held);
      await redis.flushall();
      await allHaveCheckedTwice();
      for (const { url } of brokers) {
        const device = await openPlayer(url, 'alice');
        play(device, 'r2');
        await waitUntil(
          () => device.unread.some(({ type }) => type === 'matched' || type === 'error'),
          10_000,
        );
        expect(await device.nextOf(['matched', 'error'])).to.include({ code: 'SESSION_EXISTS' });
      }
    });

    it('ends on its host too when its client ends it just after that', async () => {
      const { player, sessionId } = await playing('alice');
      await redis.flushall();
      player.send({ type: 'end', sessionId });
      const end = await player.next('session', ({ state }) => state === 'ended');
      expect(end).to.include({ sessionId, reason: 'client_left' });
      keepSendingHeartbeats(host, () => held);
      await waitUntil(() => ended.length > 0);
      expect(ended[0]).to.include({ sessionId, epoch: 1, reason: 'client_left' });
      await expectFree();
      expect(player.unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
    });

    it('ends on its host too, and its slot goes to a player who waits, when all slots are taken', async () => {
      const all = [];
      for (const name of ['alice', 'bob', 'carol', 'dave']) all.push(await playing(name));
      const waiting = [];
      for (const name of ['erin', 'frank']) {
        const player = await openPlayer(brokers.at(-1)!.url, name);
        await queueUp(player, 'r1');
        waiting.push(player);
      }
      const stop = keepSendingHeartbeats(host, () => held);
      await redis.flushall();
      const { player, sessionId } = all[0]!;
      player.send({ type: 'end', sessionId });
      const end = await player.next('session', ({ state }) => state === 'ended');
      expect(end).to.include({ sessionId, reason: 'client_left' });
      const matched = await acceptOffer(waiting[0]!);
      expect(matched['sessionId']).not.to.equal(sessionId);
      await waitUntil(() => ended.length > 0);
      expect(ended.map((frame) => frame['sessionId'])).to.deep.equal([sessionId]);
      const { regions } = await brokers.at(-1)!.broker.status();
      expect(regions[0]?.pools[0]).to.include({ sessions: 4, readyHosts: 1 });
      const others = [waiting[1]!, ...all.slice(1).map((one) => one.player)];
      const isNews = ({ type, state }: Frame): boolean =>
        ['matched', 'offer', 'error'].includes(type) || state === 'ended';
      expect(others.flatMap(({ unread }) => unread.filter(isNews))).to.deep.equal([]);
      stop();
    });

    it('ends on its host too when Redis loses its data several times in a row', async () => {
      const all = [await playing('alice'), await playing('bob')];
      const stop = keepSendingHeartbeats(host, () => held);
      await redis.flushall();
      for (const { player, sessionId } of all) player.send({ type: 'end', sessionId });
      await redis.flushall();
      for (const { player } of all) await player.next('session', ({ state }) => state === 'ended');
      await redis.flushall();
      await expectFree();
      stop();
      expect(new Set(ended.map((frame) => frame['sessionId']))).to.deep.equal(
        new Set(all.map(({ sessionId }) => sessionId)),
      );
    });

    it('stays ended when Redis loses the end before its host has received it', async () => {
      const { player, sessionId } = await playing('alice');
      host.terminate();
      await waitUntil(() => brokers[hostBroker]!.broker.connections.hosts === 0);
      player.send({ type: 'end', sessionId });
      await player.next('session', ({ state }) => state === 'ended');
      await server.kill();
      await waitUntil(() => brokers.every(({ broker }) => !broker.ready));
      await server.restart();
      await waitUntil(() => brokers.every(({ broker }) => broker.ready));
      host = await openHost(brokers[hostBroker]!.url, { hostId: 'h1', slots: 4, sessions: held });
      endOnOrder();
      keepSendingHeartbeats(host, () => held);
      await expectFree();
    });
  });
}
