import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { StoreUnavailableError, type FleetStore } from '@duskline/server/store/fleet-store.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD, openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import { play } from '../../support/fleet/test-fleet.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';

const POOL = { region: 'near', pool: 'console-x' };

const STORES: Readonly<Record<string, () => Promise<FleetStore>>> = {
  'the store in memory': async () => createMemoryStore({ suspectAfterMs: 60_000 }),
  'the store in Redis': async () => {
    const target = { kind: 'single', url: (await sharedRedis()).url } as const;
    return createRedisStore({ target, prefix: uniquePrefix(), suspectAfterMs: 60_000 });
  },
};

for (const [where, openStore] of Object.entries(STORES)) {
  describe(`A store call that fails while hosts send heartbeats, with ${where}`, () => {
    let store: FleetStore;
    let failing: Partial<FleetStore>;
    let duskline: Duskline;
    beforeEach(async () => {
      store = await openStore();
      failing = {};
      const calls: FleetStore = {
        ...store,
        recordMovableChanges: (...args) =>
          (failing.recordMovableChanges ?? store.recordMovableChanges)(...args),
        reconcileHost: (...args) => (failing.reconcileHost ?? store.reconcileHost)(...args),
      };
      duskline = await startTestBroker({ store: calls });
    });
    afterEach(async () => {
      await duskline.stop();
      await store.close();
    });

    it('is repeated with the next heartbeat: the store learns which sessions may move', async () => {
      const host = await openReadyHost(duskline, { hostId: 'h1' });
      const alice = await openPlayer(duskline.url, 'alice');
      play(alice, 'r1', { canMove: true });
      const { sessionId, epoch } = await alice.next('matched');
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      host.send({ type: 'session', sessionId, epoch, state: 'connected' });
      await alice.next('session', ({ state }) => state === 'connected');
      let calls = 0;
      failing.recordMovableChanges = () => {
        calls += 1;
        return Promise.reject(new StoreUnavailableError('no answer'));
      };
      const isMovable = async (): Promise<boolean> =>
        (await store.getSessions(POOL, [String(sessionId)]))[0]?.movable === true;
      const beat = (movable: boolean): void =>
        host.send({
          type: 'heartbeat',
          load: IDLE_LOAD,
          sessions: [{ sessionId, epoch, state: 'connected', movable }],
        });
      beat(true);
      await waitUntil(() => calls === 1);
      expect(await isMovable()).to.equal(false);
      failing = {};
      beat(true);
      await waitUntil(isMovable);
      failing.recordMovableChanges = () => {
        calls += 1;
        return Promise.reject(new StoreUnavailableError('no answer'));
      };
      beat(false);
      await waitUntil(() => calls === 2);
      failing = {};
      beat(false);
      await waitUntil(async () => !(await isMovable()));
    });

    it('for one host does not keep the others of the batch from being reconciled, nor their movable sessions from being recorded', async () => {
      const hosts = [];
      for (const hostId of ['h1', 'h2', 'h3']) hosts.push(await openReadyHost(duskline, { hostId }));
      const alice = await openPlayer(duskline.url, 'alice');
      play(alice, 'r1', { canMove: true });
      const { sessionId, epoch, host } = await alice.next('matched');
      const of = hosts.find((_, i) => `h${i + 1}` === (host as { hostId: string }).hostId)!;
      of.send({ type: 'session', sessionId, epoch, state: 'active' });
      of.send({ type: 'session', sessionId, epoch, state: 'connected' });
      await alice.next('session', ({ state }) => state === 'connected');
      failing.reconcileHost = async (regionPool, from, sessions) => {
        if (from.hostId === 'h1') throw new StoreUnavailableError('no answer');
        return store.reconcileHost(regionPool, from, sessions);
      };
      // Sessions that only the hosts know, so that all of them have to be reconciled.
      const found = ['1', '2', '3'].map((digit) => `0190a1b2-0000-7000-8000-00000000000${digit}`);
      hosts.forEach((peer, i) => {
        const own = { sessionId: found[i], epoch: 1, state: 'connected' };
        const sessions = peer === of ? [{ sessionId, epoch, state: 'connected', movable: true }, own] : [own];
        peer.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      });
      await waitUntil(async () => {
        const [first, second, third, moving] = await store.getSessions(POOL, [...found, String(sessionId)]);
        const reconciled = second?.state === 'connected' && third?.state === 'connected';
        return first === null && reconciled && moving?.movable === true;
      });
      failing = {};
      hosts[0]!.send({
        type: 'heartbeat',
        load: IDLE_LOAD,
        sessions: [
          ...(hosts[0] === of ? [{ sessionId, epoch, state: 'connected', movable: true }] : []),
          { sessionId: found[0], epoch: 1, state: 'connected' },
        ],
      });
      await waitUntil(async () => (await store.getSessions(POOL, [found[0]!]))[0]?.state === 'connected');
    });
  });
}
