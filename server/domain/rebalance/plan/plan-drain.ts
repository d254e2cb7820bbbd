import type { RegionPool } from '../../catalog.js';
import { covers, type OrderTarget } from '../../drain.js';
import type { MoveAction } from '../actions/rebalance-actions.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from '../limits/rebalance-limits.js';
import { keepSlotsForWaiting } from '../room/keep-slots-for-waiting.js';
import type { FleetSnapshot } from '../snapshot/fleet-snapshot.js';
import { findPlanBlocker, type PlanBlocker } from '../snapshot/plan-blocker.js';
import { PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import { RegionPoolAssignment } from './assign-region-pools.js';

/** A drain has to empty its target, so every free slot will do, except on hosts whose load is above their capacity. */
const DRAIN_CAP = 1;

export interface DrainPlan {
  /** Why nothing can be planned; `null` if there is a plan. */
  readonly blocker: PlanBlocker | null;
  /** Moves that can begin now, unclaimed reservations first. */
  readonly moves: readonly MoveAction[];
  /**
   * Moves with room that have to wait: a host has as many moves as it may have at a time, or the session's host is suspect
   * or in quarantine.
   */
  readonly later: readonly MoveAction[];
  /** Ids of movable sessions for which no region pool that may serve their players has room. */
  readonly noRoom: readonly string[];
  /** Ids of sessions that cannot be moved, or whose host is not in the snapshot. */
  readonly fixed: readonly string[];
}

/**
 * Plans where the sessions of a drained target go. No session is moved to a host of the target, even if the target is not
 * closed yet (a dry run). Neither the cooldown nor the move budget applies, since the order is to empty the target.
 *
 * @param cap the highest congestion of a host that takes a session, as a share
 */
export function planDrain(
  snapshot: FleetSnapshot,
  target: OrderTarget,
  cap: number = DRAIN_CAP,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): DrainPlan {
  const blocker = findPlanBlocker(snapshot, limits);
  if (blocker !== null) return { blocker, moves: [], later: [], noRoom: [], fixed: [] };

  const isOnTarget = ({ region, pool }: RegionPool, hostId: string): boolean =>
    covers(target, { region, pool, hostId });
  const fleet = new PlannedFleet(snapshot, {
    cap,
    maxMovesPerHost: limits.maxMovesPerHost,
    excludes: isOnTarget,
  });
  keepSlotsForWaiting(fleet, snapshot.waiting);

  const sessions = snapshot.sessions.filter(({ regionPool, hostId }) => isOnTarget(regionPool, hostId));
  const movers = sessions.flatMap((session): Mover[] => {
    const host = session.kind === 'fixed' ? undefined : fleet.hostOf(session);
    if (host === undefined) return [];
    return [{ session, host, isUnclaimed: session.kind === 'unclaimed', isMoved: false }];
  });
  const movable = new Set(movers.map(({ session }) => session.sessionId));
  movers.sort((a, b) => Number(b.isUnclaimed) - Number(a.isUnclaimed));
  const assignment = new RegionPoolAssignment(fleet);
  for (const mover of movers) assignment.add(mover);

  const moves: MoveAction[] = [];
  const later: MoveAction[] = [];
  const noRoom: string[] = [];
  for (const mover of movers) {
    const poolIndex = assignment.regionPoolIndexOf(mover);
    if (poolIndex === undefined) {
      noRoom.push(mover.session.sessionId);
      continue;
    }
    const plannedPool = fleet.regionPoolAt(poolIndex);
    const mayLeave = mover.host.isSource && mover.host.movesLeft > 0;
    const host = mayLeave ? plannedPool.coolestHost() : undefined;
    const planned = host === undefined ? later : moves;
    planned.push(toAction(mover, plannedPool.regionPool, host, cap, planned.length));
    if (host !== undefined) fleet.moveTo(mover, host);
  }
  const fixed = sessions.filter(({ sessionId }) => !movable.has(sessionId)).map(({ sessionId }) => sessionId);
  return { blocker: null, moves, later, noRoom, fixed };
}

function toAction(
  { session, isUnclaimed }: Mover,
  regionPool: RegionPool,
  host: PlannedHost | undefined,
  cap: number,
  chain: number,
): MoveAction {
  return {
    sessionId: session.sessionId,
    from: { regionPool: session.regionPool, hostId: session.hostId },
    to: { regionPool, hostId: host?.snapshot.hostId ?? null },
    cap,
    isUnclaimed,
    reason: { code: 'drain' },
    chain,
    order: 0,
    forWaiting: null,
  };
}
