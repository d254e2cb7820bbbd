import type { LeaseStore, SweepLimits, SweepStep } from '../../contracts/leases.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';

/** Leases in memory, and what there is to sweep. */
export function createMemoryLeases(pools: RegionPools): LeaseStore {
  const leases = new Map<string, { holder: string; untilMs: number }>();
  return {
    acquireLease: async (region, holder, ttlMs) => {
      const nowMs = pools.now();
      const lease = leases.get(region);
      if (lease !== undefined && lease.holder !== holder && lease.untilMs > nowMs) return false;
      leases.set(region, { holder, untilMs: nowMs + ttlMs });
      return true;
    },

    releaseLease: async (region, holder) => {
      if (leases.get(region)?.holder === holder) leases.delete(region);
    },

    findDueSweeps: async (region, poolNames, limits) => {
      const nowMs = pools.now();
      return poolNames.map((pool) => findDueSweeps(pools.get({ region, pool }), limits, nowMs));
    },
  };
}

function findDueSweeps(
  pool: PoolState,
  { silentForMs, queueGraceMs }: SweepLimits,
  nowMs: number,
): SweepStep[] {
  const { expiryLists, waitingQueue, changedSessions, inboxes, hosts } = pool;
  const isDue = (state: keyof PoolState['expiryLists']): boolean =>
    expiryLists[state].expiredBy(nowMs, 1).length > 0;
  pool.freedRate.measure(nowMs);
  const steps: SweepStep[] = [];
  // The step for sessions also offers slots to waiting entries, should one be free that no entry was offered.
  if (isDue('reserved') || isDue('arriving') || isDue('disconnected') || waitingQueue.length > 0) {
    steps.push('sessions');
  }
  if (isDue('ended') || changedSessions.size > 0 || !inboxes.isEmpty) steps.push('records');
  if (isDue('offered')) steps.push('offers');
  if (waitingQueue.unattendedSince(nowMs - queueGraceMs).next().done !== true) steps.push('queue');
  if ([...hosts.values()].some(({ heartbeatAtMs }) => nowMs - heartbeatAtMs > silentForMs))
    steps.push('silent');
  return steps;
}
