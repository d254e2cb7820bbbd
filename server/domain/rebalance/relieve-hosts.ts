import { congestionCostMs } from '../ranking.js';
import type { MoveAction } from './actions.js';
import { detourMs, type PlannedFleet } from './planned-fleet.js';
import type { Mover, PlannedHost } from './planned-host.js';
import type { RebalanceLimits } from './rebalance-limits.js';

/** A session of a hot host, and where it would go. */
interface Relief {
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
  const hot = fleet.places
    .flatMap(({ hosts }) => hosts.filter(({ picture, isSource }) => picture.hot && isSource))
    .sort((a, b) => b.load - a.load || (a.picture.hostId < b.picture.hostId ? -1 : 1));
  const moves: MoveAction[] = [];
  let live = 0;
  for (const host of hot) {
    while (host.load >= limits.hotAbove && host.movesLeft > 0) {
      const relief = bestRelief(fleet, host, live < allowance);
      if (relief === undefined) break;
      if (!relief.mover.free) live += 1;
      moves.push(toAction(fleet, relief, limits));
      fleet.move(relief.mover, relief.target);
    }
  }
  return moves;
}

function bestRelief(fleet: PlannedFleet, host: PlannedHost, mayMoveLive: boolean): Relief | undefined {
  const atHome = reliefAtHome(fleet, host);
  let best: Relief | undefined;
  for (const mover of host.movers) {
    if (mover.moved) continue;
    if (!mover.free && (!mayMoveLive || best?.mover.free === true)) continue;
    const relief = atHome === undefined ? reliefAbroad(fleet, mover) : { mover, target: atHome, costMs: 0 };
    if (relief !== undefined && (best === undefined || isBetter(relief, best))) best = relief;
  }
  return best;
}

function isBetter(a: Relief, b: Relief): boolean {
  if (a.mover.free !== b.mover.free) return a.mover.free;
  if (a.costMs !== b.costMs) return a.costMs < b.costMs;
  return a.mover.session.sessionId < b.mover.session.sessionId;
}

function reliefAtHome(fleet: PlannedFleet, host: PlannedHost): PlannedHost | undefined {
  const target = fleet.placeAt(host.place).coolestHost();
  return target !== undefined && relieves(host, target) ? target : undefined;
}

function reliefAbroad(fleet: PlannedFleet, mover: Mover): Relief | undefined {
  const { session, host } = mover;
  let best: Relief | undefined;
  for (const { place } of session.options) {
    const number = fleet.placeNumber(place);
    if (number === undefined || number === host.place) continue;
    const there = fleet.placeAt(number);
    const costMs = detourMs(session, place) + congestionCostMs(there.utilisation);
    if (best !== undefined && best.costMs <= costMs) continue;
    const target = there.coolestHost();
    if (target !== undefined && relieves(host, target)) best = { mover, target, costMs };
  }
  return best;
}

/** Whether the heat does not merely change hosts: on one with a single slot every game is the whole load. */
function relieves(host: PlannedHost, target: PlannedHost): boolean {
  return target.load + 1 / target.slots < host.load;
}

function toAction(fleet: PlannedFleet, { mover, target }: Relief, limits: RebalanceLimits): MoveAction {
  const { session, host, free } = mover;
  return {
    kind: 'move',
    sessionId: session.sessionId,
    from: { place: session.place, hostId: session.hostId },
    to: { place: fleet.placeAt(target.place).place, hostId: target.picture.hostId },
    cap: limits.moveCap,
    free,
    reason: { code: 'hot_host', load: host.picture.load },
    chain: 0,
    order: 0,
    forWaiting: null,
  };
}
