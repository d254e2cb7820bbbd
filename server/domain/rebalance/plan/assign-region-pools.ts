import { congestionCostMs } from '../../ranking.js';
import { detourMs, indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover } from '../snapshot/planned-host.js';

/** One step of an augmenting path: this session goes on from its assigned region pool to the next one of the path. */
interface ForwardedSession {
  readonly mover: Mover;
  readonly from: number;
}

/**
 * Assigns region pools to sessions that have to leave theirs: to as many sessions as possible, each to the cheapest pool with
 * room. A bipartite matching by augmenting paths (Kuhn 1955), with region pools as nodes: when every pool of a session is
 * full, sessions that were assigned earlier are forwarded to other pools.
 */
export class RegionPoolAssignment {
  /** Sessions that each region pool can take in all, by pool index. */
  readonly #room: number[];
  readonly #assigned: Set<Mover>[];
  readonly #poolIndexOf = new Map<Mover, number>();
  readonly #options = new Map<Mover, readonly number[]>();
  /** Pools from which no session can be forwarded to a pool with room. Room only shrinks, so a pool never leaves this set. */
  readonly #exhausted = new Set<number>();

  constructor(private readonly fleet: PlannedFleet) {
    this.#room = fleet.regionPools.map((plannedPool) => plannedPool.roomForMoves('in all'));
    this.#assigned = fleet.regionPools.map(() => new Set());
  }

  /** Index of the region pool that the session is assigned to; `undefined` if there is no room for it. */
  regionPoolIndexOf(mover: Mover): number | undefined {
    return this.#poolIndexOf.get(mover);
  }

  /** Assigns a region pool to the session if there is room. Sessions that were added earlier keep an assignment. */
  add(mover: Mover): void {
    const options = indexesOfOptions(this.fleet, mover.session.options);
    this.#options.set(mover, options);
    let cheapest: number | undefined;
    let leastMs = Infinity;
    for (const poolIndex of options) {
      if (!this.#hasRoom(poolIndex)) continue;
      const ms = this.#costMs(mover, poolIndex);
      if (cheapest === undefined || ms < leastMs) [cheapest, leastMs] = [poolIndex, ms];
    }
    if (cheapest === undefined) this.#assignByForwarding(mover, options);
    else this.#assign(mover, cheapest);
  }

  #hasRoom(poolIndex: number): boolean {
    return this.#countAssigned(poolIndex) < (this.#room[poolIndex] ?? 0);
  }

  #countAssigned(poolIndex: number): number {
    return this.#assigned[poolIndex]?.size ?? 0;
  }

  /** Cost as in the ranking of region pools for a new session: added round-trip time plus the cost of congestion. */
  #costMs({ session }: Mover, poolIndex: number): number {
    const plannedPool = this.fleet.regionPoolAt(poolIndex);
    const utilisation =
      plannedPool.utilisation + this.#countAssigned(poolIndex) / Math.max(plannedPool.slots, 1);
    return detourMs(session, plannedPool.regionPool) + congestionCostMs(utilisation);
  }

  #assign(mover: Mover, poolIndex: number): void {
    const before = this.#poolIndexOf.get(mover);
    if (before !== undefined) this.#assigned[before]?.delete(mover);
    this.#poolIndexOf.set(mover, poolIndex);
    this.#assigned[poolIndex]?.add(mover);
  }

  /** Searches an augmenting path breadth first, so that as few sessions as possible are forwarded. */
  #assignByForwarding(mover: Mover, options: readonly number[]): void {
    const reachedBy = new Map<number, ForwardedSession | null>();
    for (const option of options) if (!this.#exhausted.has(option)) reachedBy.set(option, null);
    for (const poolIndex of reachedBy.keys()) {
      for (const assigned of this.#assigned[poolIndex] ?? []) {
        for (const next of this.#options.get(assigned) ?? []) {
          if (reachedBy.has(next) || this.#exhausted.has(next)) continue;
          reachedBy.set(next, { mover: assigned, from: poolIndex });
          if (this.#hasRoom(next)) {
            this.#forwardAlong(mover, next, reachedBy);
            return;
          }
        }
      }
    }
    for (const poolIndex of reachedBy.keys()) this.#exhausted.add(poolIndex);
  }

  /** Forwards the sessions of the path that ends in `end`, and assigns the pool at its start to `mover`. */
  #forwardAlong(mover: Mover, end: number, reachedBy: ReadonlyMap<number, ForwardedSession | null>): void {
    let free = end;
    for (let step = reachedBy.get(free); step; step = reachedBy.get(free)) {
      this.#assign(step.mover, free);
      free = step.from;
    }
    this.#assign(mover, free);
  }
}
