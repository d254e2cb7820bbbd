import { msBetween } from '../../store-time.js';
import type { MoveAction } from '../actions/rebalance-actions.js';
import { keepSlotsForWaiting } from '../room/keep-slots-for-waiting.js';
import { makeRoom, type MakeRoomPlan } from '../room/make-room.js';
import type { FleetSnapshot } from '../snapshot/fleet-snapshot.js';
import { PlannedFleet } from '../snapshot/planned-fleet.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from '../limits/rebalance-limits.js';
import { relieveHosts } from './relieve-hosts.js';
import { findPlanBlocker, type PlanBlocker } from '../snapshot/plan-blocker.js';

export interface RebalancePlan {
  /** Why nothing can be planned; `null` if there is a plan, which may be empty. */
  readonly blocker: PlanBlocker | null;
  /** In the order of execution. */
  readonly moves: readonly MoveAction[];
  /** Number of live moves among them, to be charged to the move budget. */
  readonly liveMoves: number;
  /** Number of waiting players who get a free slot from the store without any move. */
  readonly servedByStore: number;
  /** Number of waiting players for whom the plan frees a slot. */
  readonly servedByMoves: number;
}

/**
 * Plans one round of rebalancing: moves away from hot hosts first, then moves that free slots for waiting players. Without
 * hot hosts and waiting players nothing is moved: sessions do not move back, and hosts are not packed.
 *
 * @param allowance maximum number of live moves; moves of unclaimed sessions do not count
 */
export function planRebalance(
  snapshot: FleetSnapshot,
  allowance: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): RebalancePlan {
  const blocker = findPlanBlocker(snapshot, limits);
  const nothing = { blocker, moves: [], liveMoves: 0, servedByStore: 0, servedByMoves: 0 };
  if (blocker !== null) return nothing;

  const isAnyHot = snapshot.hosts.some(({ heat }) => heat === 'hot');
  if (!isAnyHot && snapshot.waiting.length === 0) return nothing;

  const { maxMovesPerHost, moveCap } = limits;
  const fleet = new PlannedFleet(snapshot, { cap: moveCap, maxMovesPerHost, excludes: () => false });
  const servedByStore = keepSlotsForWaiting(fleet, snapshot.waiting);
  const needsMoves = servedByStore < snapshot.waiting.length;

  collectMovers(fleet, needsMoves, limits);
  const relief = isAnyHot ? relieveHosts(fleet, allowance, limits) : [];
  const allowanceLeft = allowance - countLive(relief);
  // `makeRoom` matches waiting players with free slots itself, together with the slots that its moves free.
  for (const plannedPool of fleet.regionPools) plannedPool.slotsKeptForWaiting = 0;
  const room: MakeRoomPlan = needsMoves
    ? makeRoom(fleet, allowanceLeft, limits)
    : { chains: [], servedByStore };

  const chains = [...relief.map((move) => [move]), ...room.chains.map(({ moves }) => moves)];
  const moves = chains.flatMap((chain, i) => chain.map((move): MoveAction => ({ ...move, chain: i })));
  return {
    blocker: null,
    moves,
    liveMoves: countLive(moves),
    servedByStore: room.servedByStore,
    servedByMoves: room.chains.length,
  };
}

/**
 * Adds the movable sessions to their hosts' `movers`.
 *
 * @param all sessions of every host; otherwise those of hot hosts only
 */
function collectMovers(fleet: PlannedFleet, all: boolean, limits: RebalanceLimits): void {
  const { sessions, nowMs } = fleet.snapshot;
  for (const session of sessions) {
    const { kind, movedAtMs } = session;
    if (kind === 'fixed' || (movedAtMs !== null && msBetween(movedAtMs, nowMs) < limits.cooldownMs)) continue;
    const host = fleet.hostOf(session);
    if (host?.isSource !== true || !(all || host.snapshot.heat === 'hot')) continue;
    host.movers.push({ session, host, isUnclaimed: kind === 'unclaimed', isMoved: false });
  }
}

function countLive(moves: readonly MoveAction[]): number {
  return moves.filter(({ isUnclaimed: free }) => !free).length;
}
