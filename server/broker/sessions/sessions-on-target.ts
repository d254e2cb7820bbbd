import type { RegionPool } from '../../domain/catalog.js';
import { covers, type OrderTarget } from '../../domain/drain.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The region pools that a drain order covers. */
export function regionPoolsOfTarget(
  { fleet }: Pick<StoreAccess, 'fleet'>,
  target: OrderTarget,
): RegionPool[] {
  return fleet.regionPools.filter(({ region, pool }) =>
    covers({ ...target, hostId: null }, { region, pool, hostId: null }),
  );
}

/** A session and its region pool. */
export interface LocatedSession {
  readonly regionPool: RegionPool;
  readonly session: SessionRecord;
}

/** Every live session on the hosts of the target, without offers and slots reserved for moves. */
export async function findSessionsOnTarget(
  context: StoreAccess,
  target: OrderTarget,
): Promise<LocatedSession[]> {
  const found = await Promise.all(
    regionPoolsOfTarget(context, target).map(async (regionPool) => {
      const hostIds = target.hostId === null ? await findBusyHosts(context, regionPool) : [target.hostId];
      const sessions = await Promise.all(
        hostIds.map((hostId) => context.store.listHostSessions(regionPool, hostId)),
      );
      return sessions.flat().map((session) => ({ regionPool, session }));
    }),
  );
  return found.flat().filter(({ session: { state } }) => state !== 'offered' && state !== 'arriving');
}

async function findBusyHosts({ store }: StoreAccess, regionPool: RegionPool): Promise<string[]> {
  const hosts = await store.listHosts(regionPool);
  return hosts.filter(({ committed }) => committed > 0).map(({ hostId }) => hostId);
}

/** Finds sessions that are no longer on a target, by id: they may have moved to the same pool in any region. */
export async function findSessionRecords(
  context: StoreAccess,
  target: OrderTarget,
  sessionIds: readonly string[],
): Promise<ReadonlyMap<string, SessionRecord>> {
  if (sessionIds.length === 0) return new Map();
  const regionsOfPool = context.fleet.regionPools.filter(
    ({ pool }) => target.pool === null || pool === target.pool,
  );
  const found = await Promise.all(
    regionsOfPool.map((regionPool) => context.store.getSessions(regionPool, sessionIds)),
  );
  const records = found.flat().filter((session) => session !== null);
  // The live record comes last and wins over the ended record that another region pool may still have.
  return new Map(
    records
      .sort((a, b) => Number(b.state === 'ended') - Number(a.state === 'ended'))
      .map((session) => [session.sessionId, session]),
  );
}
