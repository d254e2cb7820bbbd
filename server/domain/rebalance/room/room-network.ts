import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';
import { FlowNetwork } from './flow-network.js';
import type { MoverGroup, MoverGroups } from './mover-groups.js';
import { indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';

/** Cost of a live move, compared with `MOVE_COST` of any move: few live moves matter first, then few moves. */
export const LIVE_COST = 1_000_000;
const MOVE_COST = 1;

/** Two arcs that together may carry at most `capacity`, since no session can be moved twice. */
export interface SharedCapacity {
  readonly first: number;
  readonly second: number;
  readonly capacity: number;
}

/** An arc, and the region pool that it leads to. */
interface Exit {
  readonly arc: number;
  readonly poolIndex: number;
}

/** A group of sessions in one of its two layers. */
interface GroupRole {
  readonly group: MoverGroup;
  /** Arc into the group. */
  readonly arc: number;
  readonly exits: readonly Exit[];
}

interface RegionPoolNodes {
  /** Node: a slot for a waiting player. */
  readonly forPlayer: number;
  /** Node: a slot for a session that is moved here. */
  readonly forMover: number;
  /** Node: a free slot that a move may use. */
  readonly room: number;
  /** Arc from `forPlayer` to the free slots. */
  readonly freeArc: number;
  /** Arc from `forMover` to `room`. */
  readonly roomArc: number;
  /** Sessions that make room for waiting players, and sessions that make room for moved sessions. */
  first: Layer | null;
  second: Layer | null;
}

/** The sessions of a region pool in one of their two roles. */
interface Layer {
  /** Arc that all of them pass through. */
  readonly gate: number;
  readonly roles: readonly GroupRole[];
}

/** How one waiting player gets a slot: a free slot of a region pool, or one that moves make free. */
export interface Route {
  readonly waiting: WaitingPlayer;
  readonly poolIndex: number;
  /** The moves, from the waiting player's region pool on; two at most. */
  readonly hops: readonly Hop[];
}

/** One session of the group moves to that region pool. */
export interface Hop {
  readonly group: MoverGroup;
  readonly toPoolIndex: number;
}

/**
 * Which players can be served by which moves, as a flow network. Paths lead from waiting players through slots and the
 * sessions that hold them to free slots: a path moves the sessions that it passes through.
 *
 * Sessions appear in two layers, so that no path moves more than two: those of the first layer leave for a waiting player,
 * those of the second for a session of the first. A network cannot express that a session must not do both;
 * `sharedCapacities` do.
 */
export class RoomNetwork {
  readonly network = new FlowNetwork();
  readonly sink = this.network.addNode();
  readonly sharedCapacities: SharedCapacity[] = [];
  /** The node of each waiting player, in the order of the queue. */
  readonly sources: number[] = [];
  readonly #exitsOf = new Map<number, Exit[]>();
  readonly #nodes = new Map<number, RegionPoolNodes>();

  constructor(
    private readonly fleet: PlannedFleet,
    private readonly groups: MoverGroups,
    private readonly waiting: readonly WaitingPlayer[],
  ) {
    const nodeOfOptions = new Map<string, number>();
    for (const { options } of waiting) {
      const poolIndexes = indexesOfOptions(fleet, options);
      const key = [...poolIndexes].sort((a, b) => a - b).join();
      let node = nodeOfOptions.get(key);
      if (node === undefined) nodeOfOptions.set(key, (node = this.#addPlayerNode(poolIndexes)));
      this.sources.push(node);
    }
    for (const exits of this.#exitsOf.values())
      for (const { poolIndex } of exits) this.#addFirstLayer(poolIndex);
    for (const { first } of [...this.#nodes.values()]) {
      for (const { exits } of first?.roles ?? [])
        for (const { poolIndex } of exits) this.#addSecondLayer(poolIndex);
    }
  }

  /** Decomposes the last flow into one route for each player whose unit was sent. */
  traceRoutes(sent: readonly boolean[]): Route[] {
    const traced = new Map<number, number>();
    const takeUnit = (arc: number): boolean => {
      const count = traced.get(arc) ?? 0;
      if (count >= this.network.flowOf(arc)) return false;
      traced.set(arc, count + 1);
      return true;
    };
    const hopOf = (layer: Layer | null): Hop => {
      const { group, exits } = assertFound(layer?.roles.find(({ arc }) => takeUnit(arc)));
      return { group, toPoolIndex: assertFound(exits.find(({ arc }) => takeUnit(arc))).poolIndex };
    };
    return this.waiting.flatMap((waiting, i) => {
      if (sent[i] !== true) return [];
      const exits = this.#exitsOf.get(this.sources[i] ?? -1) ?? [];
      const { poolIndex } = assertFound(exits.find(({ arc }) => takeUnit(arc)));
      const nodes = this.#nodesOf(poolIndex);
      if (takeUnit(nodes.freeArc)) return [{ waiting, poolIndex, hops: [] }];
      const hop = hopOf(nodes.first);
      const next = this.#nodesOf(hop.toPoolIndex);
      return [{ waiting, poolIndex, hops: takeUnit(next.roomArc) ? [hop] : [hop, hopOf(next.second)] }];
    });
  }

  #addPlayerNode(poolIndexes: readonly number[]): number {
    const node = this.network.addNode();
    const exits = poolIndexes.map((poolIndex) => ({
      poolIndex,
      arc: this.network.addArc(node, this.#nodesOf(poolIndex).forPlayer, this.waiting.length, 0),
    }));
    this.#exitsOf.set(node, exits);
    return node;
  }

  #nodesOf(poolIndex: number): RegionPoolNodes {
    const known = this.#nodes.get(poolIndex);
    if (known !== undefined) return known;
    const { network } = this;
    const [forPlayer, forMover, room, free] = [
      network.addNode(),
      network.addNode(),
      network.addNode(),
      network.addNode(),
    ];
    const slots = this.fleet.regionPoolAt(poolIndex).slotsForPlayers;
    const roomIn = this.groups.roomIn(poolIndex);
    network.addArc(free, this.sink, slots, 0);
    network.addArc(room, free, roomIn, 0);
    const freeArc = network.addArc(forPlayer, free, slots, 0);
    const roomArc = network.addArc(forMover, room, roomIn, 0);
    const nodes = { forPlayer, forMover, room, freeArc, roomArc, first: null, second: null };
    this.#nodes.set(poolIndex, nodes);
    return nodes;
  }

  #addFirstLayer(poolIndex: number): void {
    const nodes = this.#nodesOf(poolIndex);
    nodes.first ??= this.#addLayer(poolIndex, nodes.forPlayer, this.groups.groupsIn(poolIndex), (option) => ({
      poolIndex: option,
      node: this.#nodesOf(option).forMover,
    }));
  }

  #addSecondLayer(poolIndex: number): void {
    const nodes = this.#nodesOf(poolIndex);
    // With room for every waiting player, no second move is needed.
    if (nodes.second !== null || this.groups.roomIn(poolIndex) >= this.waiting.length) return;
    const replaceable = this.groups.groupsIn(poolIndex).filter((group) => group.isReplaceable);
    nodes.second = this.#addLayer(poolIndex, nodes.forMover, replaceable, (option) =>
      this.groups.roomIn(option) > 0 ? { poolIndex: option, node: this.#nodesOf(option).room } : undefined,
    );
    if (nodes.first === null) return;
    const { gate, roles } = nodes.second;
    this.sharedCapacities.push({
      first: nodes.first.gate,
      second: gate,
      capacity: this.groups.countMovableFrom(poolIndex),
    });
    const firstOf = new Map(nodes.first.roles.map((role) => [role.group, role.arc]));
    for (const { group, arc } of roles) {
      const first = firstOf.get(group);
      if (first !== undefined)
        this.sharedCapacities.push({ first, second: arc, capacity: this.network.capacityOf(arc) });
    }
  }

  /** @param exitOf the node that a session enters when it moves to that region pool; `undefined` if it cannot */
  #addLayer(
    poolIndex: number,
    from: number,
    groups: readonly MoverGroup[],
    exitOf: (option: number) => { readonly poolIndex: number; readonly node: number } | undefined,
  ): Layer {
    const through = this.network.addNode();
    const gate = this.network.addArc(from, through, this.groups.countMovableFrom(poolIndex), 0);
    const roles: GroupRole[] = [];
    for (const group of groups) {
      // Nearest first: among paths of equal cost the network tries the first one first.
      const reachable = group.options.flatMap((option) => exitOf(option) ?? []);
      if (reachable.length === 0) continue;
      const node = this.network.addNode();
      const count = this.groups.countMovable(group.movers);
      const cost = MOVE_COST + (group.isUnclaimed ? 0 : LIVE_COST);
      const arc = this.network.addArc(through, node, count, cost);
      const exits = reachable.map((target) => ({
        poolIndex: target.poolIndex,
        arc: this.network.addArc(node, target.node, count, 0),
      }));
      roles.push({ group, arc, exits });
    }
    return { gate, roles };
  }
}

function assertFound<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Error('The flow of the room network has no route: a bug in FlowNetwork or RoomNetwork.');
  return value;
}
