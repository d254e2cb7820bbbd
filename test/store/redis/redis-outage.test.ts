import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { StoreUnavailableError, type FleetStore } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { inContainers } from '../../support/redis/redis-process.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';
import {
  BROKER,
  SUSPECT_AFTER_MS,
  sendHeartbeat,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
} from '../fixture.js';
import { ANSWER_WITHIN_MS, SHORT_TIMEOUTS } from './redis-fixture.js';

describe('redis store when Redis fails', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const { close } of opened.splice(0).reverse()) await close();
  });

  async function openServer(persistent = false): Promise<RedisServer> {
    const server = await startRedisServer({ persistent });
    opened.push({ close: () => server.stop() });
    return server;
  }

  async function openStore(server: RedisServer): Promise<FleetStore> {
    const target = { kind: 'single' as const, url: server.url };
    const store = await createRedisStore({
      target,
      suspectAfterMs: SUSPECT_AFTER_MS,
      timeouts: SHORT_TIMEOUTS,
    });
    opened.push(store);
    return store;
  }

  function closeLater(raw: Redis): void {
    opened.push({
      close: () => {
        raw.disconnect();
        return Promise.resolve();
      },
    });
  }

  async function expectUnavailable(call: Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    const error = await call.then(
      () => new Error('it was answered'),
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(performance.now() - startedAt).to.be.below(ANSWER_WITHIN_MS);
  }

  it('rejects with `StoreUnavailableError` when it is created without Redis', async () => {
    const server = await openServer();
    await server.kill();
    const target = { kind: 'single' as const, url: server.url };
    await expectUnavailable(
      createRedisStore({ target, suspectAfterMs: SUSPECT_AFTER_MS, timeouts: SHORT_TIMEOUTS }),
    );
  });

  it('rejects calls at once while Redis is down, and recovers by itself when Redis is back', async () => {
    const server = await openServer(true);
    const store = await openStore(server);
    const other = await openStore(server);
    await makeHostReady(store, 'host-a');
    const held = await startSession(store);
    const wakeUps: RegionPool[] = [];
    await other.onWakeUp('broker-b', (where) => wakeUps.push(where));

    await server.kill();
    await expectUnavailable(store.ping());
    await expectUnavailable(reserveSlot(store));
    await expectUnavailable(store.listHosts(REGION_POOL));
    await expectUnavailable(store.acquireLease('eu-central', BROKER, 1_000));
    store.sendWakeUp('broker-b', REGION_POOL);

    await server.restart();
    await retryUntilSuccess(() => store.ping());
    expect(await sendHeartbeat(store, 'host-a', { sessions: [held] })).to.equal('ok');
    expect((await reserveSlot(store)).hostId).to.equal('host-a');
    expect((await getHost(store, 'host-a')).committed).to.equal(2);
    // The subscription is restored too.
    await retryUntilSuccess(async () => {
      store.sendWakeUp('broker-b', REGION_POOL);
      await other.ping();
      expect(wakeUps).to.deep.include(REGION_POOL);
    });
  });

  it('answers within its deadline for commands in flight when Redis is killed', async () => {
    const server = await openServer();
    const store = await openStore(server);
    await makeHostReady(store, 'host-a');
    const pending = Promise.all(Array.from({ length: 20 }, () => expectOutcome(reserveSlot(store))));
    await server.kill();
    await pending;
  });

  it('rejects calls within the deadline when Redis accepts connections and does not answer', async function () {
    this.timeout(15_000);
    const server = await openServer();
    const store = await openStore(server);
    await makeHostReady(store, 'host-a');
    const raw = new Redis(server.url);
    closeLater(raw);
    await raw.call('CLIENT', 'PAUSE', '1250', 'ALL');
    await Promise.all([expectUnavailable(reserveSlot(store)), expectUnavailable(store.ping())]);
    await retryUntilSuccess(() => store.ping());
    expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
  });

  it('names the same memory after Redis did not answer for a while, and another one after a restart', async function () {
    if (inContainers()) this.skip();
    const server = await openServer(true);
    const [store, other] = [await openStore(server), await openStore(server)];
    const memoryId = await store.getMemoryId();
    expect(memoryId).to.be.a('string');
    server.freeze();
    await expectUnavailable(store.getMemoryId());
    server.thaw();
    expect(await retryUntilSuccess(() => store.getMemoryId())).to.equal(memoryId);
    expect(await retryUntilSuccess(() => other.getMemoryId())).to.equal(memoryId);
    await server.kill();
    await server.restart();
    expect(await retryUntilSuccess(() => store.getMemoryId()))
      .to.be.a('string')
      .that.does.not.equal(memoryId);
  });

  for (const command of ['flushall', 'flushdb'] as const) {
    it(`names another memory after ${command.toUpperCase()}, the same one on every broker`, async () => {
      const server = await openServer();
      const [store, other] = [await openStore(server), await openStore(server)];
      const memoryId = await store.getMemoryId();
      const raw = new Redis(server.url);
      closeLater(raw);
      await raw[command]();
      const ids = await Promise.all([store.getMemoryId(), other.getMemoryId(), store.getMemoryId()]);
      expect(ids[0]).to.be.a('string').that.does.not.equal(memoryId);
      expect(new Set(ids)).to.have.property('size', 1);
    });
  }

  it('names no memory when its user may not call INFO', async () => {
    const server = await openServer();
    const raw = new Redis(server.url);
    closeLater(raw);
    await raw.call('ACL', 'SETUSER', 'broker', 'on', 'nopass', '~*', '&*', '+@all', '-info');
    const target = { kind: 'single' as const, url: server.url, username: 'broker', password: 'any' };
    const store = await createRedisStore({ target, suspectAfterMs: SUSPECT_AFTER_MS });
    opened.push(store);
    await makeHostReady(store, 'host-a');
    expect(await store.getMemoryId()).to.equal(null);
  });

  it('rejects calls while Redis refuses writes', async () => {
    const server = await openServer();
    const store = await openStore(server);
    const raw = new Redis(server.url);
    closeLater(raw);
    await raw.config('SET', 'min-replicas-to-write', '1');
    await expectUnavailable(makeHostReady(store, 'host-a'));
    await raw.config('SET', 'min-replicas-to-write', '0');
    await makeHostReady(store, 'host-a');
    expect((await reserveSlot(store)).hostId).to.equal('host-a');
  });

  it('loads its scripts again after SCRIPT FLUSH', async () => {
    const server = await openServer();
    const store = await openStore(server);
    await makeHostReady(store, 'host-a');
    const raw = new Redis(server.url);
    closeLater(raw);
    await raw.script('FLUSH');
    await makeHostReady(store, 'host-a');
    expect((await reserveSlot(store)).hostId).to.equal('host-a');
  });

  it('is rebuilt from the reports of the hosts when Redis lost all data', async () => {
    const server = await openServer();
    const store = await openStore(server);
    await makeHostReady(store, 'host-a');
    const sessions = [await startSession(store), await startSession(store)];
    await server.kill();
    await server.restart();
    await retryUntilSuccess(() => store.ping());
    expect(await store.listHosts(REGION_POOL)).to.deep.equal([]);
    expect(await sendHeartbeat(store, 'host-a', { sessions })).to.equal('unknown');
    await makeHostReady(store, 'host-a', { sessions });
    expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    const from = { hostId: 'host-a', connectionId: 'broker-a.1' };
    const { adopted, rejected } = await store.reconcileHost(REGION_POOL, from, sessions);
    expect(adopted.map(({ sessionId }) => sessionId)).to.have.members(
      sessions.map(({ sessionId }) => sessionId),
    );
    expect(rejected).to.deep.equal([]);
    expect(await sendHeartbeat(store, 'host-a', { sessions })).to.equal('ok');
    expect(await getHost(store, 'host-a')).to.include({ committed: 2, state: 'ready' });
  });

  it('rejects calls after it was closed', async () => {
    const store = await openStore(await openServer());
    await store.close();
    await store.close();
    await expectUnavailable(store.getSessions(REGION_POOL, [newSessionId()]));
  });
});

/** Expects that the call succeeds or is rejected as unavailable, in time. */
async function expectOutcome(call: Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await call.catch((error: unknown) => expect(error).to.be.instanceOf(StoreUnavailableError));
  expect(performance.now() - startedAt).to.be.below(ANSWER_WITHIN_MS);
}
