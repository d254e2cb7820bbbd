import type { MoveAction } from '../actions/rebalance-actions.js';
import { orderChains, type MoveChain } from './order-chains.js';
import { MoverGroups, type MoverGroup } from './mover-groups.js';
import { detourMs, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';
import { RoomNetwork, type Hop, type Route } from './room-network.js';
import { solveRoomNetwork } from './solve-room-network.js';

export interface MakeRoomPlan {
  /** In the order of execution. */
  readonly chains: readonly MoveChain[];
  /** Number of waiting players who get a free slot from the store without any move. */
  readonly servedByStore: number;
}

/** How many times players are planned for again whose chain found no host. */
const MAX_ROUNDS = 4;

/** Above this number of arcs there is one round: another one is slow, serves few players, and the next plan is seconds away. */
const MAX_ARCS_FOR_REPLANNING = 2_000;

/**
 * Frees slots for waiting players by moving sessions: a maximum matching of players with slots at the least number of live
 * moves, where each player's slot is freed by at most two moves.
 *
 * The flow is planned between region pools first. Then each route gets its sessions and hosts. A route may fail then, since
 * its hosts have no more moves left; its player is planned for again with the remaining room.
 *
 * @param allowance maximum number of live moves
 */
export function makeRoom(fleet: PlannedFleet, allowance: number, limits: RebalanceLimits): MakeRoomPlan {
  const chains: MoveChain[] = [];
  const groups = new MoverGroups(fleet, limits, allowance > 0);
  const builder = new ChainBuilder(fleet, limits);
  let { waiting } = fleet.snapshot;
  let live = 0;
  let servedByStore = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (round > 0) groups.refresh(allowance > live);
    const room = new RoomNetwork(fleet, groups, waiting);
    const routes = solveRoomNetwork(room, allowance - live);
    const routesWithMoves = routes.filter(({ hops }) => hops.length > 0);
    servedByStore = routes.length - routesWithMoves.length;
    const built = routesWithMoves.flatMap((route) => builder.buildChain(route) ?? []);
    chains.push(...built);
    if (built.length === 0 || built.length === routesWithMoves.length) break;
    if (room.network.arcs > MAX_ARCS_FOR_REPLANNING) break;
    const served = new Set(built.map((chain) => chain.waiting.sessionId));
    waiting = waiting.filter(({ sessionId }) => !served.has(sessionId));
    for (const { moves } of built) live += moves.filter(({ isUnclaimed: free }) => !free).length;
  }
  return { chains: orderChains(chains), servedByStore };
}

/** Chooses the sessions and hosts of a route between region pools. */
class ChainBuilder {
  readonly #queues = new Map<MoverGroup, Map<number, Mover[]>>();

  constructor(
    private readonly fleet: PlannedFleet,
    private readonly limits: RebalanceLimits,
  ) {}

  /** The moves of a route, planned in the fleet too; `undefined` if some host has no more moves left. */
  buildChain({ waiting, poolIndex, hops }: Route): MoveChain | undefined {
    const [first, second] = hops;
    if (first === undefined) return undefined;
    const last = second ?? first;
    const targetHost = this.fleet.regionPoolAt(last.toPoolIndex).coolestHost();
    const leaving = this.#chooseMover(first);
    const passing = second === undefined ? null : this.#chooseMover(second);
    if (targetHost === undefined || leaving === undefined || passing === undefined) return undefined;

    const reason = { code: 'make_room', regionPool: this.fleet.regionPoolAt(poolIndex).regionPool } as const;
    const common = { reason, chain: 0, forWaiting: waiting.sessionId } as const;
    const moves: MoveAction[] = [];
    const toTargetHost = { host: targetHost, cap: this.limits.moveCap };
    if (passing !== null) {
      const cap = Math.max(this.limits.moveCap, passing.host.congestionWithoutOne);
      moves.push({ ...common, ...this.#step(passing, toTargetHost), order: 0 });
      moves.push({ ...common, ...this.#step(leaving, { host: passing.host, cap }), order: 1 });
    } else {
      moves.push({ ...common, ...this.#step(leaving, toTargetHost), order: 0 });
    }
    this.fleet.replaceMover(leaving);
    if (passing !== null) this.fleet.replaceMover(passing);
    this.fleet.regionPoolAt(targetHost.poolIndex).addSessionTo(targetHost);
    return { waiting, poolIndex, viaPoolIndex: passing?.host.poolIndex ?? null, moves };
  }

  /** The session with the least added round-trip time; among equals, the one on the most congested host. */
  #chooseMover({ group, toPoolIndex }: Hop): Mover | undefined {
    const queue = this.#queueFor(group, toPoolIndex);
    // A session that cannot be moved now cannot be moved later in this plan either.
    for (let mover = queue.at(-1); mover !== undefined; mover = queue.at(-1)) {
      if (!mover.isMoved && mover.host.movesLeft > 0) return mover;
      queue.pop();
    }
    return undefined;
  }

  /** The sessions of the group, the best for this target last. */
  #queueFor(group: MoverGroup, toPoolIndex: number): Mover[] {
    const queues = this.#queues.get(group) ?? new Map<number, Mover[]>();
    this.#queues.set(group, queues);
    let queue = queues.get(toPoolIndex);
    if (queue === undefined) {
      const { regionPool } = this.fleet.regionPoolAt(toPoolIndex);
      const ranked = group.movers.map((mover) => ({ mover, ms: detourMs(mover.session, regionPool) }));
      ranked.sort((a, b) => b.ms - a.ms || a.mover.host.congestion - b.mover.host.congestion);
      queues.set(toPoolIndex, (queue = ranked.map(({ mover }) => mover)));
    }
    return queue;
  }

  #step(
    { session, isUnclaimed }: Mover,
    { host, cap }: { readonly host: PlannedHost; readonly cap: number },
  ): Pick<MoveAction, 'sessionId' | 'from' | 'to' | 'cap' | 'isUnclaimed'> {
    return {
      sessionId: session.sessionId,
      from: { regionPool: session.regionPool, hostId: session.hostId },
      to: { regionPool: this.fleet.regionPoolAt(host.poolIndex).regionPool, hostId: host.snapshot.hostId },
      cap,
      isUnclaimed,
    };
  }
}
