import type { RegionPool } from '../../catalog.js';
import { covers, type OrderTarget } from '../../drain.js';
import type { MoveAction } from '../actions/rebalance-actions.js';
import { keepSlotsForWaiting } from '../room/keep-slots-for-waiting.js';
import type { FleetSnapshot } from '../snapshot/fleet-snapshot.js';
import { PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from '../limits/rebalance-limits.js';
import { findPlanBlocker, type PlanBlocker } from '../snapshot/plan-blocker.js';
import { RegionPoolAssignment } from './assign-region-pools.js';

/** A drain has to empty its target, so any free slot will do; a host that measures more than it has will not. */
const DRAIN_CAP = 1;

export interface DrainPlan {
  /** Why there is no plan; `null` when there is one. */
  readonly blocker: PlanBlocker | null;
  /** What can begin now: unclaimed reservations first. */
  readonly moves: readonly MoveAction[];
  /** There is room for these, and they wait for their turn: too many moves would touch one host, or theirs is not well. */
  readonly later: readonly MoveAction[];
  /** Sessions that could be moved and for which there is no room where their players can be served. */
  readonly noRoom: readonly string[];
  /** Sessions that cannot be moved, or whose host nobody knows. */
  readonly fixed: readonly string[];
}

/**
 * Where the sessions of a drained target go. Nothing goes to the target itself, whether operators have closed it
 * already or only ask what would be. Unclaimed reservations come first. No cooldown and no budget hold here: the order is to empty it.
 *
 * @param cap no session is moved onto a host above this share
 */
export function planDrain(
  picture: FleetSnapshot,
  target: OrderTarget,
  cap: number = DRAIN_CAP,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): DrainPlan {
  const standstill = findPlanBlocker(picture, limits);
  if (standstill !== null) return { blocker: standstill, moves: [], later: [], noRoom: [], fixed: [] };

  const isOnTarget = (place: RegionPool, hostId: string): boolean =>
    covers(target, { region: place.region, pool: place.pool, hostId });
  const scope = { cap, maxMovesPerHost: limits.maxMovesPerHost, excludes: isOnTarget };
  const fleet = new PlannedFleet(picture, scope);
  keepSlotsForWaiting(fleet, picture.waiting);

  const sessions = picture.sessions.filter(({ place, hostId }) => isOnTarget(place, hostId));
  const movers = sessions.flatMap((session): Mover[] => {
    const host = session.kind === 'fixed' ? undefined : fleet.hostOf(session);
    return host === undefined ? [] : [{ session, host, free: session.kind === 'unclaimed', isMoved: false }];
  });
  const movable = new Set(movers.map(({ session }) => session.sessionId));
  movers.sort((a, b) => Number(b.free) - Number(a.free));
  const spread = new RegionPoolAssignment(fleet);
  for (const mover of movers) spread.add(mover);

  const moves: MoveAction[] = [];
  const later: MoveAction[] = [];
  const noRoom: string[] = [];
  for (const mover of movers) {
    const number = spread.regionPoolIndexOf(mover);
    if (number === undefined) {
      noRoom.push(mover.session.sessionId);
      continue;
    }
    const place = fleet.regionPoolAt(number);
    const mayLeave = mover.host.isSource && mover.host.movesLeft > 0;
    const host = mayLeave ? place.coolestHost() : undefined;
    const planned = host === undefined ? later : moves;
    planned.push(toAction(mover, place.regionPool, host, cap, planned.length));
    if (host !== undefined) fleet.moveTo(mover, host);
  }
  const fixed = sessions.filter(({ sessionId }) => !movable.has(sessionId)).map(({ sessionId }) => sessionId);
  return { blocker: null, moves, later, noRoom, fixed };
}

function toAction(
  { session, free }: Mover,
  place: RegionPool,
  host: PlannedHost | undefined,
  cap: number,
  chain: number,
): MoveAction {
  return {
    kind: 'move',
    sessionId: session.sessionId,
    from: { place: session.place, hostId: session.hostId },
    to: { place, hostId: host?.snapshot.hostId ?? null },
    cap,
    free,
    reason: { code: 'drain' },
    chain,
    order: 0,
    forWaiting: null,
  };
}
