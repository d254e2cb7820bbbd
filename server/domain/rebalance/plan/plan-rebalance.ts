import type { MoveAction, RebalanceAction, HostExclusionAction } from '../actions/rebalance-actions.js';
import { keepSlotsForWaiting } from '../room/keep-slots-for-waiting.js';
import { makeRoom, type MakeRoomPlan } from '../room/make-room.js';
import type { FleetSnapshot } from '../snapshot/fleet-snapshot.js';
import { PlannedFleet } from '../snapshot/planned-fleet.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from '../limits/rebalance-limits.js';
import { relieveHosts } from './relieve-hosts.js';
import { findPlanBlocker, type PlanBlocker } from '../snapshot/plan-blocker.js';

export interface RebalancePlan {
  /** Why there is no plan; `null` when there is one, if an empty one. */
  readonly blocker: PlanBlocker | null;
  /** In the order in which they are carried out. */
  readonly actions: readonly RebalanceAction[];
  /** What the budget is charged with. */
  readonly liveMoves: number;
  /** Waiting players for whom there is a free slot, whom the store serves by itself. */
  readonly servedByStore: number;
  /** Waiting players for whom the plan makes room. */
  readonly servedByMoves: number;
}

/**
 * What to move in this round: first away from hot hosts, then for players who wait. With no hot host and nobody waiting
 * nothing is moved: not back, and not for tidiness.
 *
 * @param allowance how many live sessions may be moved; unclaimed reservations cost nothing
 */
export function planRebalance(
  picture: FleetSnapshot,
  allowance: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): RebalancePlan {
  const standstill = findPlanBlocker(picture, limits);
  const nothing = { blocker: standstill, actions: [], liveMoves: 0, servedByStore: 0, servedByMoves: 0 };
  if (standstill !== null) return nothing;

  const shuns = findExclusionChanges(picture);
  const isAnyHot = picture.hosts.some(({ hot }) => hot);
  if (!isAnyHot && picture.waiting.length === 0) return { ...nothing, actions: shuns };

  const { maxMovesPerHost, moveCap } = limits;
  const fleet = new PlannedFleet(picture, { cap: moveCap, maxMovesPerHost, excludes: () => false });
  const servedByStore = keepSlotsForWaiting(fleet, picture.waiting);
  const isAnyLeft = servedByStore < picture.waiting.length;

  collectMovers(fleet, isAnyLeft, limits);
  const relief = isAnyHot ? relieveHosts(fleet, allowance, limits) : [];
  const allowed = allowance - countLive(relief);
  // From here on free slots and waiting players are matched anew, together with the slots that moves make free.
  for (const place of fleet.regionPools) place.slotsKeptForWaiting = 0;
  const room: MakeRoomPlan = isAnyLeft ? makeRoom(fleet, allowed, limits) : { chains: [], servedByStore };

  const chains = [...relief.map((move) => [move]), ...room.chains.map(({ moves }) => moves)];
  const moves = chains.flatMap((chain, i) => chain.map((move): MoveAction => ({ ...move, chain: i })));
  return {
    blocker: null,
    actions: [...shuns, ...moves],
    liveMoves: countLive(moves),
    servedByStore: room.servedByStore,
    servedByMoves: room.chains.length,
  };
}

/** What the store has to be told of hot hosts. */
function findExclusionChanges({ hosts }: FleetSnapshot): HostExclusionAction[] {
  return hosts
    .filter(({ hot, excluded: shunned }) => hot !== shunned)
    .map(({ hot, place, hostId }) => ({ kind: hot ? 'shun' : 'unshun', place, hostId }));
}

/**
 * Gives the hosts their movable sessions.
 *
 * @param all those of every host, or of hot hosts only
 */
function collectMovers(fleet: PlannedFleet, all: boolean, limits: RebalanceLimits): void {
  const { sessions, nowMs } = fleet.snapshot;
  for (const session of sessions) {
    const { kind, movedAtMs } = session;
    if (kind === 'fixed' || (movedAtMs !== null && nowMs - movedAtMs < limits.cooldownMs)) continue;
    const host = fleet.hostOf(session);
    if (host?.isSource !== true || !(all || host.snapshot.hot)) continue;
    host.movers.push({ session, host, free: kind === 'unclaimed', isMoved: false });
  }
}

function countLive(moves: readonly MoveAction[]): number {
  return moves.filter(({ free }) => !free).length;
}
