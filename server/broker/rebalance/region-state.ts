import { FULL } from '../../domain/congestion.js';
import {
  NO_HOT_HOSTS,
  findExclusionChanges,
  trackHotHosts,
  type HostExclusion,
  type HostReport,
  type HotHosts,
} from '../../domain/rebalance/limits/hot-hosts.js';
import { newMoveBudget, refillBudget, type MoveBudget } from '../../domain/rebalance/limits/move-budget.js';
import type { RebalanceLimits } from '../../domain/rebalance/limits/rebalance-limits.js';
import type { RegionPoolHosts } from './read-fleet.js';

/** What is kept of a region from one round to the next. */
export interface RegionState {
  readonly hot: HotHosts;
  readonly budget: MoveBudget;
}

/** The state of a region at the beginning of a round, and the hosts whose exclusion has to change. */
export interface RegionUpdate {
  readonly state: RegionState;
  readonly exclusions: readonly HostExclusion[];
}

/**
 * Judges the hosts of a region by their last heartbeats, and refills its move budget.
 *
 * @param previous state after the last round; `undefined` in the first one
 * @param own the hosts of the region
 * @param nowMs by the monotonic clock of this process
 */
export function updateRegionState(
  previous: RegionState | undefined,
  own: readonly RegionPoolHosts[],
  nowMs: number,
  limits: RebalanceLimits,
): RegionUpdate {
  const reports = own.flatMap(toReports);
  const hot = trackHotHosts(previous?.hot ?? NO_HOT_HOSTS, reports, limits);
  const sessions = own.flatMap(({ hosts }) => hosts).reduce((sum, { committed }) => sum + committed, 0);
  const budget = refillBudget(previous?.budget ?? newMoveBudget(nowMs, limits), nowMs, sessions, limits);
  return { state: { hot, budget }, exclusions: findExclusionChanges(hot, reports) };
}

function toReports({ regionPool: { pool }, hosts }: RegionPoolHosts): HostReport[] {
  return hosts.map(({ hostId, measured, heartbeatAtMs, closures }) => ({
    pool,
    hostId,
    measuredLoad: measured / FULL,
    heartbeatAtMs,
    isExcluded: closures.includes('hot'),
  }));
}
