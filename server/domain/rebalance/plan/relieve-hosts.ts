import { congestionCostMs } from '../../ranking.js';
import type { MoveAction } from '../actions/rebalance-actions.js';
import { detourMs, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';

/** A possible move of a session away from a hot host. */
interface ReliefMove {
  readonly mover: Mover;
  readonly targetHost: PlannedHost;
  /** Added round-trip time plus the cost of congestion at the target host, in milliseconds; 0 within the region pool. */
  readonly costMs: number;
}

/**
 * Plans moves away from the hot hosts of the round's region, the hottest first: as few as bring each host below `hotAbove`. Unclaimed sessions are
 * moved before live ones, then those with the least cost for their players. The moves are planned in `fleet` too.
 *
 * @param allowance maximum number of live moves
 */
export function relieveHosts(fleet: PlannedFleet, allowance: number, limits: RebalanceLimits): MoveAction[] {
  const hot = fleet.regionPools
    .flatMap(({ hosts }) => hosts.filter(({ snapshot: { heat }, isSource }) => heat === 'hot' && isSource))
    .sort((a, b) => b.measuredLoad - a.measuredLoad || (a.snapshot.hostId < b.snapshot.hostId ? -1 : 1));
  const moves: MoveAction[] = [];
  let live = 0;
  for (const host of hot) {
    while (host.measuredLoad >= limits.hotAbove && host.movesLeft > 0) {
      const relief = findBestRelief(fleet, host, live < allowance);
      if (relief === undefined) break;
      if (!relief.mover.isUnclaimed) live += 1;
      moves.push(toAction(fleet, relief, limits));
      fleet.moveTo(relief.mover, relief.targetHost);
    }
  }
  return moves;
}

function findBestRelief(
  fleet: PlannedFleet,
  host: PlannedHost,
  mayMoveLive: boolean,
): ReliefMove | undefined {
  const nearestTargetHost = findTargetHost(fleet, host);
  let best: ReliefMove | undefined;
  for (const mover of host.movers) {
    if (mover.isMoved) continue;
    if (!mover.isUnclaimed && (!mayMoveLive || best?.mover.isUnclaimed === true)) continue;
    const relief =
      nearestTargetHost === undefined
        ? findReliefElsewhere(fleet, mover)
        : { mover, targetHost: nearestTargetHost, costMs: 0 };
    if (relief !== undefined && (best === undefined || isBetter(relief, best))) best = relief;
  }
  return best;
}

function isBetter(a: ReliefMove, b: ReliefMove): boolean {
  if (a.mover.isUnclaimed !== b.mover.isUnclaimed) return a.mover.isUnclaimed;
  if (a.costMs !== b.costMs) return a.costMs < b.costMs;
  return a.mover.session.sessionId < b.mover.session.sessionId;
}

function findTargetHost(fleet: PlannedFleet, host: PlannedHost): PlannedHost | undefined {
  const targetHost = fleet.regionPoolAt(host.poolIndex).coolestHost();
  return targetHost !== undefined && isRelief(host, targetHost) ? targetHost : undefined;
}

function findReliefElsewhere(fleet: PlannedFleet, mover: Mover): ReliefMove | undefined {
  const { session, host } = mover;
  let best: ReliefMove | undefined;
  for (const { regionPool } of session.options) {
    const poolIndex = fleet.indexOfRegionPool(regionPool);
    if (poolIndex === undefined || poolIndex === host.poolIndex) continue;
    const plannedPool = fleet.regionPoolAt(poolIndex);
    const costMs = detourMs(session, regionPool) + congestionCostMs(plannedPool.utilisation);
    if (best !== undefined && best.costMs <= costMs) continue;
    const targetHost = plannedPool.coolestHost();
    if (targetHost !== undefined && isRelief(host, targetHost))
      best = { mover, targetHost: targetHost, costMs };
  }
  return best;
}

/** Whether the target host stays below the load of the hot host. On hosts with one slot, a session is the whole load. */
function isRelief(host: PlannedHost, targetHost: PlannedHost): boolean {
  return targetHost.load + 1 / targetHost.slots < host.measuredLoad;
}

function toAction(
  fleet: PlannedFleet,
  { mover, targetHost: targetHost }: ReliefMove,
  limits: RebalanceLimits,
): MoveAction {
  const { session, host, isUnclaimed } = mover;
  return {
    sessionId: session.sessionId,
    from: { regionPool: session.regionPool, hostId: session.hostId },
    to: {
      regionPool: fleet.regionPoolAt(targetHost.poolIndex).regionPool,
      hostId: targetHost.snapshot.hostId,
    },
    cap: limits.moveCap,
    isUnclaimed,
    reason: { code: 'hot_host', load: host.snapshot.measuredLoad },
    chain: 0,
    order: 0,
    forWaiting: null,
  };
}
