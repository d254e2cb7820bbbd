import { congestionCostMs } from '../../ranking.js';
import type { MoveAction } from '../actions/rebalance-actions.js';
import { detourMs, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';

/** A session of a hot host, and where it would go. */
interface ReliefMove {
  readonly mover: Mover;
  readonly target: PlannedHost;
  /** How much further it is, and what congestion there is worth, in milliseconds; 0 in the same place. */
  readonly costMs: number;
}

/**
 * Moves sessions away from hot hosts, the hottest first: as few as bring each below `hotAbove`, unclaimed reservations
 * before live sessions, and of those the ones whose players it costs the least.
 *
 * @param allowance how many live sessions may be moved
 */
export function relieveHosts(fleet: PlannedFleet, allowance: number, limits: RebalanceLimits): MoveAction[] {
  const hot = fleet.regionPools
    .flatMap(({ hosts }) => hosts.filter(({ snapshot: picture, isSource }) => picture.hot && isSource))
    .sort((a, b) => b.load - a.load || (a.snapshot.hostId < b.snapshot.hostId ? -1 : 1));
  const moves: MoveAction[] = [];
  let live = 0;
  for (const host of hot) {
    while (host.load >= limits.hotAbove && host.movesLeft > 0) {
      const relief = findBestRelief(fleet, host, live < allowance);
      if (relief === undefined) break;
      if (!relief.mover.free) live += 1;
      moves.push(toAction(fleet, relief, limits));
      fleet.moveTo(relief.mover, relief.target);
    }
  }
  return moves;
}

function findBestRelief(
  fleet: PlannedFleet,
  host: PlannedHost,
  mayMoveLive: boolean,
): ReliefMove | undefined {
  const atHome = findTargetInRegionPool(fleet, host);
  let best: ReliefMove | undefined;
  for (const mover of host.movers) {
    if (mover.isMoved) continue;
    if (!mover.free && (!mayMoveLive || best?.mover.free === true)) continue;
    const relief =
      atHome === undefined ? findReliefElsewhere(fleet, mover) : { mover, target: atHome, costMs: 0 };
    if (relief !== undefined && (best === undefined || isBetter(relief, best))) best = relief;
  }
  return best;
}

function isBetter(a: ReliefMove, b: ReliefMove): boolean {
  if (a.mover.free !== b.mover.free) return a.mover.free;
  if (a.costMs !== b.costMs) return a.costMs < b.costMs;
  return a.mover.session.sessionId < b.mover.session.sessionId;
}

function findTargetInRegionPool(fleet: PlannedFleet, host: PlannedHost): PlannedHost | undefined {
  const target = fleet.regionPoolAt(host.poolIndex).coolestHost();
  return target !== undefined && isRelief(host, target) ? target : undefined;
}

function findReliefElsewhere(fleet: PlannedFleet, mover: Mover): ReliefMove | undefined {
  const { session, host } = mover;
  let best: ReliefMove | undefined;
  for (const { place } of session.options) {
    const number = fleet.indexOfRegionPool(place);
    if (number === undefined || number === host.poolIndex) continue;
    const there = fleet.regionPoolAt(number);
    const costMs = detourMs(session, place) + congestionCostMs(there.utilisation);
    if (best !== undefined && best.costMs <= costMs) continue;
    const target = there.coolestHost();
    if (target !== undefined && isRelief(host, target)) best = { mover, target, costMs };
  }
  return best;
}

/** Whether the heat does not merely change hosts: on one with a single slot every game is the whole load. */
function isRelief(host: PlannedHost, target: PlannedHost): boolean {
  return target.load + 1 / target.slots < host.load;
}

function toAction(fleet: PlannedFleet, { mover, target }: ReliefMove, limits: RebalanceLimits): MoveAction {
  const { session, host, free } = mover;
  return {
    kind: 'move',
    sessionId: session.sessionId,
    from: { place: session.place, hostId: session.hostId },
    to: { place: fleet.regionPoolAt(target.poolIndex).regionPool, hostId: target.snapshot.hostId },
    cap: limits.moveCap,
    free,
    reason: { code: 'hot_host', load: host.snapshot.load },
    chain: 0,
    order: 0,
    forWaiting: null,
  };
}
