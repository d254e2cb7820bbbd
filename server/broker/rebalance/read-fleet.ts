import type { RegionPool } from '../../domain/catalog.js';
import type { QueuedEntry } from '../../store/contracts/queue.js';
import type { FleetStore, HostRecord } from '../../store/fleet-store.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';

/** Requests of each queue that one round makes room for: the first ones. */
const MAX_WAITING = 500;

/** Maximum number of sessions of a region pool that one round reads, and of those that one call of the store reads. */
const MAX_SESSIONS = 20_000;
const SCAN_COUNT = 1_000;

export interface RegionPoolHosts {
  readonly regionPool: RegionPool;
  readonly hosts: readonly HostRecord[];
}

export interface RegionPoolQueue {
  readonly regionPool: RegionPool;
  readonly requests: readonly QueuedEntry[];
}

export interface LocatedHost {
  readonly regionPool: RegionPool;
  readonly host: HostRecord;
}

/** Reads the hosts of these region pools. */
export function readHosts(
  store: FleetStore,
  regionPools: readonly RegionPool[],
): Promise<readonly RegionPoolHosts[]> {
  return Promise.all(
    regionPools.map(async (regionPool) => ({ regionPool, hosts: await store.listHosts(regionPool) })),
  );
}

/** Reads the head of the queue of each of these region pools. */
export function readQueues(
  store: FleetStore,
  regionPools: readonly RegionPool[],
): Promise<readonly RegionPoolQueue[]> {
  return Promise.all(
    regionPools.map(async (regionPool) => ({
      regionPool,
      requests: await store.listQueuedEntries(regionPool, MAX_WAITING),
    })),
  );
}

/** Reads the sessions of these hosts. */
export async function readSessionsOfHosts(
  store: FleetStore,
  hosts: readonly LocatedHost[],
): Promise<LocatedSession[]> {
  const found = await Promise.all(
    hosts.map(async ({ regionPool, host }) => {
      const sessions = await store.listHostSessions(regionPool, host.hostId);
      return sessions.map((session) => ({ regionPool, session }));
    }),
  );
  return found.flat();
}

/** Reads the sessions of these region pools, at most `MAX_SESSIONS` of each. */
export async function readSessionsOfRegionPools(
  store: FleetStore,
  regionPools: readonly RegionPoolHosts[],
): Promise<LocatedSession[]> {
  const found = await Promise.all(
    regionPools
      .filter(({ hosts }) => hosts.length > 0)
      .map(({ regionPool }) => scanSessions(store, regionPool)),
  );
  return found.flat();
}

async function scanSessions(store: FleetStore, regionPool: RegionPool): Promise<LocatedSession[]> {
  // A scan may return a session several times.
  const found = new Map<string, LocatedSession>();
  let cursor: string | null = null;
  do {
    const scan = await store.scanSessions(regionPool, cursor, SCAN_COUNT);
    for (const session of scan.sessions) {
      if (session.state !== 'ended') found.set(session.sessionId, { regionPool, session });
    }
    cursor = scan.next;
  } while (cursor !== null && found.size < MAX_SESSIONS);
  return [...found.values()];
}
