import type { RegionPool } from '../../domain/catalog.js';
import type { FleetStore } from '../../store/fleet-store.js';

/** Session ids that one call of the store reads. */
const SCAN_COUNT = 1_000;

/** A region pool and the length of its queue. */
export interface QueueLength {
  readonly regionPool: RegionPool;
  readonly length: number;
}

/** Numbers of players who wait, each counted once, however many queues they wait in. */
export interface WaitingCounts {
  readonly total: number;
  /** By region; regions in which nobody waits may be missing. */
  readonly byRegion: ReadonlyMap<string, number>;
}

/**
 * Counts the players who wait in any of these queues, each once: a player has one request, which waits in several queues under
 * one session id. The store cannot count them itself, because regions may be on different nodes of a Redis Cluster.
 *
 * Where at most one queue has entries, its length is the answer. Otherwise the session ids of all n entries are read, in O(n)
 * time and memory of this broker, by n / `SCAN_COUNT` calls one after another: each keeps the store busy for a bounded time,
 * and calls of players are served in between. Who comes or goes meanwhile may be counted or not.
 */
export async function countWaiting(
  store: Pick<FleetStore, 'scanQueue'>,
  queues: readonly QueueLength[],
): Promise<WaitingCounts> {
  const inUse = queues.filter(({ length }) => length > 0);
  const [only] = inUse;
  if (only === undefined) return { total: 0, byRegion: new Map() };
  if (inUse.length === 1)
    return { total: only.length, byRegion: new Map([[only.regionPool.region, only.length]]) };

  const all = new Set<string>();
  const idsByRegion = new Map<string, Set<string>>();
  for (const { regionPool } of inUse) {
    const idsOfRegion = idsByRegion.get(regionPool.region) ?? new Set<string>();
    idsByRegion.set(regionPool.region, idsOfRegion);
    for await (const sessionIds of scanParts(store, regionPool)) {
      for (const sessionId of sessionIds) {
        all.add(sessionId);
        idsOfRegion.add(sessionId);
      }
    }
  }
  const byRegion = new Map([...idsByRegion].map(([region, { size }]) => [region, size]));
  return { total: all.size, byRegion };
}

async function* scanParts(
  store: Pick<FleetStore, 'scanQueue'>,
  regionPool: RegionPool,
): AsyncGenerator<readonly string[]> {
  let cursor: string | null = null;
  do {
    const { sessionIds, next }: Awaited<ReturnType<FleetStore['scanQueue']>> = await store.scanQueue(
      regionPool,
      cursor,
      SCAN_COUNT,
    );
    yield sessionIds;
    cursor = next;
  } while (cursor !== null);
}
