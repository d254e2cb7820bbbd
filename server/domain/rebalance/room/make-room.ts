import type { MoveAction } from '../actions/rebalance-actions.js';
import { orderChains, type MoveChain } from './order-chains.js';
import { MoverGroups, type MoverGroup } from './mover-groups.js';
import { detourMs, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';
import { RoomNetwork, type Hop, type Route } from './room-network.js';
import { solveRoomNetwork } from './solve-room-network.js';

export interface MakeRoomPlan {
  /** In the order in which they are carried out. */
  readonly chains: readonly MoveChain[];
  /** Waiting players for whom there is a free slot. */
  readonly servedByStore: number;
}

/** How many times what could not be carried out as planned is planned again. */
const MAX_ROUNDS = 4;

/** In a network of more arcs it is not: that takes long, concerns few players, and the next plan comes in seconds. */
const LARGE_NETWORK = 2_000;

/**
 * Serves as many waiting players as it can by moving others: the largest matching of players with slots, at the price of
 * the fewest live moves, each player's slot made free by two moves at most.
 *
 * Places are planned first, hosts and sessions chosen for that. What then fails for want of a host (too many moves would
 * touch it) is planned again with what is left.
 */
export function makeRoom(fleet: PlannedFleet, allowance: number, limits: RebalanceLimits): MakeRoomPlan {
  const chains: MoveChain[] = [];
  const groups = new MoverGroups(fleet, limits, allowance > 0);
  const carrier = new ChainBuilder(fleet, limits);
  let { waiting } = fleet.snapshot;
  let live = 0;
  let servedByStore = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (round > 0) groups.refresh(allowance > live);
    const room = new RoomNetwork(fleet, groups, waiting);
    const routes = solveRoomNetwork(room, allowance - live);
    const longWay = routes.filter(({ hops }) => hops.length > 0);
    servedByStore = routes.length - longWay.length;
    const carried = longWay.flatMap((route) => carrier.buildChain(route) ?? []);
    chains.push(...carried);
    if (carried.length === 0 || carried.length === longWay.length) break;
    if (room.network.arcs > LARGE_NETWORK) break;
    const served = new Set(carried.map((chain) => chain.waiting.sessionId));
    waiting = waiting.filter(({ sessionId }) => !served.has(sessionId));
    for (const { moves } of carried) live += moves.filter(({ free }) => !free).length;
  }
  return { chains: orderChains(chains), servedByStore };
}

/** Finds sessions and hosts for what was planned for groups and places. */
class ChainBuilder {
  readonly #queues = new Map<MoverGroup, Map<number, Mover[]>>();

  constructor(
    private readonly fleet: PlannedFleet,
    private readonly limits: RebalanceLimits,
  ) {}

  /** `undefined` when some host has no more moves to spare. */
  buildChain({ waiting, place, hops }: Route): MoveChain | undefined {
    const [first, second] = hops;
    if (first === undefined) return undefined;
    const last = second ?? first;
    const target = this.fleet.regionPoolAt(last.to).coolestHost();
    const leaving = this.#choose(first);
    const passing = second === undefined ? null : this.#choose(second);
    if (target === undefined || leaving === undefined || passing === undefined) return undefined;

    const reason = { code: 'make_room', place: this.fleet.regionPoolAt(place).regionPool } as const;
    const common = { kind: 'move', reason, chain: 0, forWaiting: waiting.sessionId } as const;
    const moves: MoveAction[] = [];
    const toTarget = { host: target, cap: this.limits.moveCap };
    if (passing !== null) {
      const cap = Math.max(this.limits.moveCap, passing.host.congestionWithoutOne);
      moves.push({ ...common, ...this.#step(passing, toTarget), order: 0 });
      moves.push({ ...common, ...this.#step(leaving, { host: passing.host, cap }), order: 1 });
    } else {
      moves.push({ ...common, ...this.#step(leaving, toTarget), order: 0 });
    }
    this.fleet.replaceMover(leaving);
    if (passing !== null) this.fleet.replaceMover(passing);
    this.fleet.regionPoolAt(target.poolIndex).addSessionTo(target);
    return { waiting, place, via: passing?.host.poolIndex ?? null, moves };
  }

  /** Whose way it lengthens the least, and of those who are on the most congested host. */
  #choose({ group, to }: Hop): Mover | undefined {
    const queue = this.#queueFor(group, to);
    // Who cannot be moved now cannot be moved later in this plan either.
    for (let mover = queue.at(-1); mover !== undefined; mover = queue.at(-1)) {
      if (!mover.isMoved && mover.host.movesLeft > 0) return mover;
      queue.pop();
    }
    return undefined;
  }

  /** Those who would go there, the best last. */
  #queueFor(group: MoverGroup, to: number): Mover[] {
    const queues = this.#queues.get(group) ?? new Map<number, Mover[]>();
    this.#queues.set(group, queues);
    let queue = queues.get(to);
    if (queue === undefined) {
      const { regionPool: place } = this.fleet.regionPoolAt(to);
      const ranked = group.movers.map((mover) => ({ mover, ms: detourMs(mover.session, place) }));
      ranked.sort((a, b) => b.ms - a.ms || a.mover.host.congestion - b.mover.host.congestion);
      queues.set(to, (queue = ranked.map(({ mover }) => mover)));
    }
    return queue;
  }

  #step(
    { session, free }: Mover,
    { host, cap }: { readonly host: PlannedHost; readonly cap: number },
  ): Pick<MoveAction, 'sessionId' | 'from' | 'to' | 'cap' | 'free'> {
    return {
      sessionId: session.sessionId,
      from: { place: session.place, hostId: session.hostId },
      to: { place: this.fleet.regionPoolAt(host.poolIndex).regionPool, hostId: host.snapshot.hostId },
      cap,
      free,
    };
  }
}
