import { FULL } from '../../domain/congestion.js';
import { NO_HOT_HOSTS, trackHotHosts, type HotHosts } from '../../domain/rebalance/limits/hot-hosts.js';
import { newMoveBudget, refillBudget, type MoveBudget } from '../../domain/rebalance/limits/move-budget.js';
import type { RebalanceLimits } from '../../domain/rebalance/limits/rebalance-limits.js';
import type { RegionPoolHosts } from './read-fleet.js';

/** What is kept of a region from one round to the next. */
export interface RegionState {
  readonly hot: HotHosts;
  readonly budget: MoveBudget;
}

/**
 * The state at the beginning of a round: hot hosts by their last heartbeats, and the refilled move budget.
 *
 * @param previous state after the last round; `undefined` in the first one
 * @param own the hosts of the region
 */
export function updateRegionState(
  previous: RegionState | undefined,
  own: readonly RegionPoolHosts[],
  nowMs: number,
  limits: RebalanceLimits,
): RegionState {
  const reports = own.flatMap(({ regionPool, hosts }) =>
    hosts.map(({ hostId, measured, ramping, heartbeatAtMs }) => ({
      hostId,
      regionPool,
      load: (measured + ramping) / FULL,
      heartbeatAtMs,
    })),
  );
  const sessions = own.flatMap(({ hosts }) => hosts).reduce((sum, { committed }) => sum + committed, 0);
  return {
    hot: trackHotHosts(previous?.hot ?? NO_HOT_HOSTS, reports, limits),
    budget: refillBudget(previous?.budget ?? newMoveBudget(nowMs, limits), nowMs, sessions, limits),
  };
}
