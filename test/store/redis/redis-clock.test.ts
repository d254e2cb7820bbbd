import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';
import { BROKER, getHost, makeHostReady, reserveSlot } from '../fixture.js';

/** Short, because these tests wait for real time; long enough for a few calls on a busy machine. */
const SUSPECT_AFTER_MS = 250;
const LEASE_MS = 250;

describe("redis store on Redis's own clock", () => {
  let store: FleetStore;
  let raw: Redis;

  beforeEach(async () => {
    const { url } = await sharedRedis();
    const options = { suspectAfterMs: SUSPECT_AFTER_MS, prefix: uniquePrefix() };
    store = await createRedisStore({ ...options, target: { kind: 'single', url } });
    raw = new Redis(url);
  });
  afterEach(async () => {
    raw.disconnect();
    await store.close();
  });

  async function redisNowMs(): Promise<number> {
    const [seconds, micros] = await raw.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  function untilPassed(ms: number): Promise<void> {
    const startedAt = redisNowMs();
    return retryUntilSuccess(async () => {
      if ((await redisNowMs()) <= (await startedAt) + ms) throw new Error('Redis does not count the time');
    });
  }

  it('stamps records with the time of Redis', async () => {
    const before = await redisNowMs();
    await makeHostReady(store, 'host-a');
    const { sessionId } = await reserveSlot(store);
    const after = await redisNowMs();
    const [session] = await store.getSessions(REGION_POOL, [sessionId]);
    expect(session?.reservedAtMs).to.be.within(before, after);
    expect((await getHost(store, 'host-a')).heartbeatAtMs).to.be.within(before, after);
  });

  it('detects a silent host, and assigns it no session', async () => {
    await makeHostReady(store, 'host-a');
    expect((await reserveSlot(store)).hostId).to.equal('host-a');
    await untilPassed(SUSPECT_AFTER_MS);
    expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    const { silent } = await store.findSilentHosts(REGION_POOL, SUSPECT_AFTER_MS, 10);
    expect(silent.map((host) => [host.hostId, host.state])).to.deep.equal([['host-a', 'suspect']]);
  });

  it('expires a reservation after its time', async () => {
    await makeHostReady(store, 'host-a');
    const wanted = reservation(newSessionId());
    await store.reserve(REGION_POOL, [wanted], 10, BROKER);
    await untilPassed(10);
    const ended = await store.expireSessions(REGION_POOL, 10, BROKER);
    expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([wanted.sessionId]);
  });

  it('gives a lease to another broker when it expires', async () => {
    expect(await store.acquireLease('eu-central', 'broker-a', LEASE_MS)).to.equal(true);
    expect(await store.acquireLease('eu-central', 'broker-b', LEASE_MS)).to.equal(false);
    await untilPassed(LEASE_MS);
    expect(await store.acquireLease('eu-central', 'broker-b', LEASE_MS)).to.equal(true);
  });

  it('reports the age of a request', async () => {
    const entry = {
      playerId: 'player-1',
      requestId: 'request-1',
      sessionId: newSessionId(),
      regionPool: REGION_POOL,
    };
    await store.recordRequests([entry]);
    await untilPassed(5);
    const [outcome] = await store.recordRequests([entry]);
    expect(outcome).to.have.nested.property('record.ageMs').that.is.within(5, 5_000);
  });
});
