import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';
import { FlowNetwork } from './flow-network.js';
import type { MoverGroup, MoverGroups } from './mover-groups.js';
import { indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';

/** What a move of a live session weighs in a path, against 1 for any move: first few live moves, then few moves. */
export const LIVE_COST = 1_000_000;
const MOVE_COST = 1;

/** Two arcs that together may carry no more than `capacity`: a session cannot be moved twice. */
export interface SharedCapacity {
  readonly first: number;
  readonly second: number;
  readonly capacity: number;
}

/** An arc, and the place it leads to. */
interface Exit {
  readonly arc: number;
  readonly place: number;
}

/** A group of sessions in one of its two roles. */
interface GroupRole {
  readonly group: MoverGroup;
  /** Into the group. */
  readonly arc: number;
  readonly ways: readonly Exit[];
}

interface RegionPoolNodes {
  /** A slot for a waiting player here. */
  readonly forPlayer: number;
  /** A slot for a session that is moved here. */
  readonly forMover: number;
  /** A free slot that a move may take. */
  readonly room: number;
  /** From `forPlayer` to the free slots. */
  readonly freeArc: number;
  /** From `forMover` to `room`. */
  readonly roomArc: number;
  /** Sessions that make room for a waiting player, and those that make room for one that is moved. */
  first: Layer | null;
  second: Layer | null;
}

/** The sessions of a place in one of their two roles. */
interface Layer {
  /** The arc through which all of them go. */
  readonly gate: number;
  readonly roles: readonly GroupRole[];
}

/** One waiting player's way to a slot: the free slot of a place, or one that sessions are moved for. */
export interface Route {
  readonly waiting: WaitingPlayer;
  readonly place: number;
  /** Who leaves for where, from the waiting player's place on; two at most. */
  readonly hops: readonly Hop[];
}

export interface Hop {
  readonly group: MoverGroup;
  readonly to: number;
}

/**
 * The question who can be served by moving whom, as a network: from each waiting player over slots and the sessions that
 * hold them to free slots. What a path passes through is what it moves.
 *
 * Sessions appear in two layers, so that no path moves more than two: in the first they leave for a waiting player, in
 * the second for a session of the first. That one session cannot do both is what a network cannot say: the bundles do.
 */
export class RoomNetwork {
  readonly network = new FlowNetwork();
  readonly sink = this.network.addNode();
  readonly sharedCapacities: SharedCapacity[] = [];
  /** The node of each waiting player, in their order. */
  readonly sources: number[] = [];
  readonly #waysOf = new Map<number, Exit[]>();
  readonly #places = new Map<number, RegionPoolNodes>();

  constructor(
    private readonly fleet: PlannedFleet,
    private readonly groups: MoverGroups,
    private readonly waiting: readonly WaitingPlayer[],
  ) {
    const alike = new Map<string, number>();
    for (const { options } of waiting) {
      const places = indexesOfOptions(fleet, options);
      const key = [...places].sort((a, b) => a - b).join();
      let node = alike.get(key);
      if (node === undefined) alike.set(key, (node = this.#addPlayers(places)));
      this.sources.push(node);
    }
    for (const ways of this.#waysOf.values()) for (const { place } of ways) this.#addFirst(place);
    for (const { first } of [...this.#places.values()]) {
      for (const { ways } of first?.roles ?? []) for (const { place } of ways) this.#addSecond(place);
    }
  }

  /** Follows the flow from every player whose unit was sent. */
  traceRoutes(sent: readonly boolean[]): Route[] {
    const followed = new Map<number, number>();
    const follow = (arc: number): boolean => {
      const count = followed.get(arc) ?? 0;
      if (count >= this.network.flowOf(arc)) return false;
      followed.set(arc, count + 1);
      return true;
    };
    const hopOf = (layer: Layer | null): Hop => {
      const { group, ways } = assertFound(layer?.roles.find(({ arc }) => follow(arc)));
      return { group, to: assertFound(ways.find(({ arc }) => follow(arc))).place };
    };
    return this.waiting.flatMap((waiting, i) => {
      if (sent[i] !== true) return [];
      const ways = this.#waysOf.get(this.sources[i] ?? -1) ?? [];
      const { place } = assertFound(ways.find(({ arc }) => follow(arc)));
      const parts = this.#partsOf(place);
      if (follow(parts.freeArc)) return [{ waiting, place, hops: [] }];
      const hop = hopOf(parts.first);
      const next = this.#partsOf(hop.to);
      return [{ waiting, place, hops: follow(next.roomArc) ? [hop] : [hop, hopOf(next.second)] }];
    });
  }

  #addPlayers(places: readonly number[]): number {
    const node = this.network.addNode();
    const ways = places.map((place) => ({
      place,
      arc: this.network.addArc(node, this.#partsOf(place).forPlayer, this.waiting.length, 0),
    }));
    this.#waysOf.set(node, ways);
    return node;
  }

  #partsOf(place: number): RegionPoolNodes {
    const known = this.#places.get(place);
    if (known !== undefined) return known;
    const { network } = this;
    const [forPlayer, forMover, room, free] = [
      network.addNode(),
      network.addNode(),
      network.addNode(),
      network.addNode(),
    ];
    const slots = this.fleet.regionPoolAt(place).slotsForPlayers;
    const roomIn = this.groups.roomIn(place);
    network.addArc(free, this.sink, slots, 0);
    network.addArc(room, free, roomIn, 0);
    const freeArc = network.addArc(forPlayer, free, slots, 0);
    const roomArc = network.addArc(forMover, room, roomIn, 0);
    const parts = { forPlayer, forMover, room, freeArc, roomArc, first: null, second: null };
    this.#places.set(place, parts);
    return parts;
  }

  #addFirst(place: number): void {
    const parts = this.#partsOf(place);
    parts.first ??= this.#addLayer(place, parts.forPlayer, this.groups.groupsIn(place), (option) => ({
      place: option,
      node: this.#partsOf(option).forMover,
    }));
  }

  #addSecond(place: number): void {
    const parts = this.#partsOf(place);
    // Where there is room for everybody, nobody has to make it.
    if (parts.second !== null || this.groups.roomIn(place) >= this.waiting.length) return;
    const replaceable = this.groups.groupsIn(place).filter((group) => group.isReplaceable);
    parts.second = this.#addLayer(place, parts.forMover, replaceable, (option) =>
      this.groups.roomIn(option) > 0 ? { place: option, node: this.#partsOf(option).room } : undefined,
    );
    if (parts.first === null) return;
    const { gate, roles } = parts.second;
    this.sharedCapacities.push({
      first: parts.first.gate,
      second: gate,
      capacity: this.groups.countLeavable(place),
    });
    const firstOf = new Map(parts.first.roles.map((role) => [role.group, role.arc]));
    for (const { group, arc } of roles) {
      const first = firstOf.get(group);
      if (first !== undefined)
        this.sharedCapacities.push({ first, second: arc, capacity: this.network.capacityOf(arc) });
    }
  }

  /** @param leadTo where a session goes on to from an option; `undefined`: nowhere */
  #addLayer(
    place: number,
    from: number,
    groups: readonly MoverGroup[],
    leadTo: (option: number) => { readonly place: number; readonly node: number } | undefined,
  ): Layer {
    const through = this.network.addNode();
    const gate = this.network.addArc(from, through, this.groups.countLeavable(place), 0);
    const roles: GroupRole[] = [];
    for (const group of groups) {
      // Nearest first, as they come: of ways that cost the same the first is taken.
      const targets = group.options.flatMap((option) => leadTo(option) ?? []);
      if (targets.length === 0) continue;
      const node = this.network.addNode();
      const count = this.groups.countMovable(group.movers);
      const cost = MOVE_COST + (group.free ? 0 : LIVE_COST);
      const arc = this.network.addArc(through, node, count, cost);
      const ways = targets.map((target) => ({
        place: target.place,
        arc: this.network.addArc(node, target.node, count, 0),
      }));
      roles.push({ group, arc, ways });
    }
    return { gate, roles };
  }
}

function assertFound<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a flow that leads nowhere');
  return value;
}
