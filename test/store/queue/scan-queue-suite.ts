import { expect } from 'chai';
import type { QueueScan } from '@duskline/server/store/contracts/queue.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import { BROKER, enqueueInOrder, fillPool, newQueueEntry, type CurrentFixture } from '../fixture.js';

/** Reads the session ids of a queue in parts, to count the players who wait in several queues. */
export function scanQueueSuite(current: CurrentFixture): void {
  describe('scanQueue', () => {
    it('reads a long queue in parts, each entry at least once, also for another broker', async () => {
      const { store, another } = current();
      const ids = await enqueueMany(store, REGION_POOL, 300);
      for (const reader of [store, await another()]) {
        const { seen, parts } = await scanWhole(reader, REGION_POOL, 50);
        expect([...seen]).to.have.members(ids);
        expect(parts).to.be.greaterThan(1);
      }
    });

    it('reads every entry that waits all the time while others come and go', async () => {
      const { store } = current();
      const [staying, leaving] = [
        await enqueueMany(store, REGION_POOL, 200),
        await enqueueMany(store, REGION_POOL, 200),
      ];
      const seen = new Set<string>();
      let cursor: string | null = null;
      do {
        const scan: QueueScan = await store.scanQueue(REGION_POOL, cursor, 50);
        for (const sessionId of scan.sessionIds) seen.add(sessionId);
        cursor = scan.next;
        const withdrawals = leaving.splice(0, 20).map((sessionId) => ({ sessionId, belowEpoch: 0 }));
        if (withdrawals.length > 0) await store.withdrawEntries(REGION_POOL, withdrawals, BROKER);
        if (cursor !== null) await enqueueMany(store, REGION_POOL, 5);
      } while (cursor !== null);
      expect([...seen]).to.include.members(staying);
    });

    it('finds a request that waits in several region pools in each under one session id, and no offers', async () => {
      const { store } = current();
      const elsewhere = { region: 'eu-west', pool: REGION_POOL.pool };
      const { free } = await fillPool(store);
      const ids = await enqueueInOrder(current(), 3);
      const entries = ids.map((id) => newQueueEntry(id));
      await store.enqueue(elsewhere, entries, 1_000, BROKER);
      expect([...(await scanWhole(store, REGION_POOL, 50)).seen]).to.have.members(ids);
      await free();
      expect([...(await scanWhole(store, REGION_POOL, 50)).seen]).to.have.members(ids.slice(1));
      expect([...(await scanWhole(store, elsewhere, 50)).seen]).to.have.members(ids);
      expect(await store.scanQueue({ ...REGION_POOL, pool: 'empty' }, null, 50)).to.deep.equal({
        sessionIds: [],
        next: null,
      });
    });
  });
}

async function enqueueMany(store: FleetStore, at: RegionPool, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newSessionId);
  const entries = ids.map((id) => newQueueEntry(id));
  await store.enqueue(at, entries, 10_000, BROKER);
  return ids;
}

async function scanWhole(
  store: FleetStore,
  at: RegionPool,
  count: number,
): Promise<{ readonly seen: Set<string>; readonly parts: number }> {
  const seen = new Set<string>();
  let cursor: string | null = null;
  let parts = 0;
  do {
    const scan: QueueScan = await store.scanQueue(at, cursor, count);
    for (const sessionId of scan.sessionIds) seen.add(sessionId);
    cursor = scan.next;
    parts += 1;
  } while (cursor !== null);
  return { seen, parts };
}
