import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import { sharedRedis } from '../../support/redis/redis-server.js';
import {
  BROKER,
  RESERVATION_MS,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  startSession,
} from '../fixture.js';
import { expectConsistent } from '../model/pool-consistency.js';
import { dumpRedis, type PoolDump } from '../model/pool-dump.js';
import { openRedisFixture, type RedisFixture } from './redis-fixture.js';

const COMMITTED = 8;
const DIGEST = 12;

describe('redis store with damaged counters', () => {
  let fixture: RedisFixture;
  let raw: Redis;
  let keys: readonly string[];
  let before: PoolDump;

  beforeEach(async () => {
    const { url } = await sharedRedis();
    fixture = await openRedisFixture({ kind: 'single', url });
    raw = new Redis(url);
    keys = createKeySpace(fixture.prefix).pool(REGION_POOL);
    for (const hostId of ['host-a', 'host-b', 'host-c']) await makeHostReady(fixture.store, hostId);
    for (let i = 0; i < 4; i += 1) await startSession(fixture.store);
    before = await dumpRedis(raw, fixture.prefix, REGION_POOL);
    expectConsistent(before);
  });
  afterEach(async () => {
    raw.disconnect();
    await fixture.close();
  });

  /** Overwrites a signed number in a packed record. `HOST_FORMAT` in `lua/shared/hosts/host-format.lua` describes the offsets. */
  async function damageHost(hostId: string, offset: number, value: number): Promise<void> {
    const record = (await raw.hgetBuffer(keys[0]!, hostId))!;
    record.writeInt32LE(value, offset);
    await raw.hset(keys[0]!, hostId, record);
  }

  const damages: Record<string, () => Promise<unknown>> = {
    'a counter that is too low': () => damageHost('host-a', COMMITTED, 0),
    'a counter below zero': () => damageHost('host-a', COMMITTED, -3),
    'a counter that is too high': () => damageHost('host-a', COMMITTED, 4),
    'a wrong digest': () => damageHost('host-a', DIGEST, 12_345),
    'a wrong score in the order of free hosts': () => raw.zadd(keys[2]!, 1, 'host-a'),
    'a free host that is missing in the order of free hosts': () => raw.zrem(keys[2]!, 'host-a'),
    'a host without the time of its heartbeat': () => raw.zrem(keys[3]!, 'host-a'),
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`repairs ${name}`, async () => {
      await damage();
      expect(await fixture.store.recountHosts(REGION_POOL, null)).to.deep.equal({
        next: null,
        repaired: ['host-a'],
      });
      expect(await dumpRedis(raw, fixture.prefix, REGION_POOL)).to.deep.equal(before);
    });
  }

  it('repairs the totals of a region pool', async () => {
    await raw.hset(keys[8]!, 'slots', '-7');
    await fixture.store.recountHosts(REGION_POOL, null);
    expect(await getUtilisation(fixture.store, REGION_POOL)).to.deep.equal({ sessions: 4, slots: 12 });
  });

  it('repairs the number of live sessions of a region pool', async () => {
    await raw.hset(keys[8]!, 'sessions', '99');
    await damageHost('host-a', COMMITTED, 0);
    await fixture.store.recountHosts(REGION_POOL, null);
    expect(await dumpRedis(raw, fixture.prefix, REGION_POOL)).to.deep.equal(before);
  });

  it('ignores a stale entry in a free slot', async () => {
    const stale = newSessionId();
    await raw.hset(keys[5]!, 'host-a/aa', stale, 'host-a/zz', stale);
    expect(await fixture.store.recountHosts(REGION_POOL, null)).to.deep.equal({ next: null, repaired: [] });
    expect(await fixture.store.listHostSessions(REGION_POOL, 'host-a')).to.have.length(2);
  });

  it('skips a name in the order of hosts that no host has', async () => {
    await raw.zadd(keys[2]!, 0, 'ghost');
    expect((await reserveSlot(fixture.store)).hostId).to.be.oneOf(['host-a', 'host-b', 'host-c']);
    expect(await raw.zscore(keys[2]!, 'ghost')).to.equal(null);
  });

  it('recounts a large region pool in bounded pieces', async () => {
    const { store } = fixture;
    // More than the number up to which Redis returns all entries of a hash at once.
    const names = Array.from({ length: 700 }, (_, i) => `more-${i}`);
    await Promise.all(names.map((name) => makeHostReady(store, name)));
    for (const name of names) await damageHost(name, COMMITTED, 2);
    const pieces: number[] = [];
    let cursor: string | null = null;
    const repaired = new Set<string>();
    do {
      const piece: Awaited<ReturnType<FleetStore['recountHosts']>> = await store.recountHosts(
        REGION_POOL,
        cursor,
      );
      cursor = piece.next;
      pieces.push(piece.repaired.length);
      for (const name of piece.repaired) repaired.add(name);
    } while (cursor !== null);
    expect([...repaired]).to.have.members(names);
    expect(Math.max(...pieces)).to.be.below(200);
    expectConsistent(await dumpRedis(raw, fixture.prefix, REGION_POOL));
  });
});

describe('several brokers on one region pool', () => {
  const BROKERS = 4;
  const ROUNDS = 40;
  const HOSTS = 6;
  const SLOTS = 5;

  it('never fill a slot twice, and every counter equals the number of its members throughout', async function () {
    this.timeout(30_000);
    const { url } = await sharedRedis();
    const fixture = await openRedisFixture({ kind: 'single', url });
    const raw = new Redis(url);
    let done = false;

    async function broker(number: number): Promise<void> {
      const store = await fixture.another();
      const callerId = `broker-${number}`;
      let mine: { sessionId: string; hostId: string }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const wanted = Array.from({ length: 1 + ((round * 7 + number) % 5) }, () =>
          reservation(newSessionId()),
        );
        const { outcomes } = await store.reserve(REGION_POOL, wanted, RESERVATION_MS, callerId);
        outcomes.forEach((outcome, i) => {
          if (outcome.kind === 'reserved')
            mine.push({ sessionId: wanted[i]!.sessionId, hostId: outcome.hostId });
        });
        const claimed = mine.map((session) => ({ ...session, epoch: 1, to: 'active' as const }));
        await store.updateSessionStates(REGION_POOL, claimed, callerId);
        const leaving = mine.filter((_, i) => (i + round) % 2 === 0);
        const orders = leaving.map(({ sessionId }) => ({
          sessionId,
          epoch: 1,
          reason: 'client_left' as const,
        }));
        // The same order twice at the same time: the second one has no effect.
        const [first, second] = await Promise.all([
          store.endSessions(REGION_POOL, orders, callerId),
          store.endSessions(REGION_POOL, orders, BROKER),
        ]);
        expect(first.every((outcome) => outcome.kind === 'ended')).to.equal(true);
        expect(second.every((outcome) => outcome.kind === 'over')).to.equal(true);
        mine = mine.filter((session) => !leaving.includes(session));
      }
    }

    async function sample(): Promise<void> {
      while (!done) {
        const dump = await dumpRedis(raw, fixture.prefix, REGION_POOL);
        expectConsistent(dump);
        for (const host of Object.values(dump.hosts)) expect(host.committed).to.be.at.most(host.slots);
      }
    }

    try {
      for (let i = 0; i < HOSTS; i += 1) await makeHostReady(fixture.store, `host-${i}`, { slots: SLOTS });
      const sampling = sample();
      await Promise.all(Array.from({ length: BROKERS }, (_, i) => broker(i))).finally(() => (done = true));
      await sampling;
      const dump = await dumpRedis(raw, fixture.prefix, REGION_POOL);
      expectConsistent(dump);
      expect(Object.keys(dump.changedSessions)).to.deep.equal([BROKER]);
    } finally {
      raw.disconnect();
      await fixture.close();
    }
  });
});
