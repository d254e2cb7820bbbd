import type { MoveAction, RebalanceAction, ShunAction } from './actions.js';
import { keepForWaiting } from './free-slots.js';
import { makeRoom, type RoomMade } from './make-room.js';
import type { FleetPicture } from './picture.js';
import { PlannedFleet } from './planned-fleet.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';
import { relieveHosts } from './relieve-hosts.js';
import { standstillOf, type Standstill } from './standstill.js';

export interface RebalancePlan {
  /** Why there is no plan; `null` when there is one, if an empty one. */
  readonly standstill: Standstill | null;
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
  picture: FleetPicture,
  allowance: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): RebalancePlan {
  const standstill = standstillOf(picture, limits);
  const nothing = { standstill, actions: [], liveMoves: 0, servedByStore: 0, servedByMoves: 0 };
  if (standstill !== null) return nothing;

  const shuns = shunsOf(picture);
  const isAnyHot = picture.hosts.some(({ hot }) => hot);
  if (!isAnyHot && picture.waiting.length === 0) return { ...nothing, actions: shuns };

  const { maxMovesPerHost, moveCap } = limits;
  const fleet = new PlannedFleet(picture, { cap: moveCap, maxMovesPerHost, excludes: () => false });
  const servedByStore = keepForWaiting(fleet, picture.waiting);
  const isAnyLeft = servedByStore < picture.waiting.length;

  findMovers(fleet, isAnyLeft, limits);
  const relief = isAnyHot ? relieveHosts(fleet, allowance, limits) : [];
  const allowed = allowance - countLive(relief);
  // From here on free slots and waiting players are matched anew, together with the slots that moves make free.
  for (const place of fleet.places) place.keptForWaiting = 0;
  const room: RoomMade = isAnyLeft ? makeRoom(fleet, allowed, limits) : { chains: [], servedByStore };

  const chains = [...relief.map((move) => [move]), ...room.chains.map(({ moves }) => moves)];
  const moves = chains.flatMap((chain, i) => chain.map((move): MoveAction => ({ ...move, chain: i })));
  return {
    standstill: null,
    actions: [...shuns, ...moves],
    liveMoves: countLive(moves),
    servedByStore: room.servedByStore,
    servedByMoves: room.chains.length,
  };
}

/** What the store has to be told of hot hosts. */
function shunsOf({ hosts }: FleetPicture): ShunAction[] {
  return hosts
    .filter(({ hot, shunned }) => hot !== shunned)
    .map(({ hot, place, hostId }) => ({ kind: hot ? 'shun' : 'unshun', place, hostId }));
}

/**
 * Gives the hosts their movable sessions.
 *
 * @param all those of every host, or of hot hosts only
 */
function findMovers(fleet: PlannedFleet, all: boolean, limits: RebalanceLimits): void {
  const { sessions, nowMs } = fleet.picture;
  for (const session of sessions) {
    const { kind, movedAtMs } = session;
    if (kind === 'fixed' || (movedAtMs !== null && nowMs - movedAtMs < limits.cooldownMs)) continue;
    const host = fleet.hostOf(session);
    if (host?.isSource !== true || !(all || host.picture.hot)) continue;
    host.movers.push({ session, host, free: kind === 'unclaimed', moved: false });
  }
}

function countLive(moves: readonly MoveAction[]): number {
  return moves.filter(({ free }) => !free).length;
}
