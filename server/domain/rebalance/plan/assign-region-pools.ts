import { congestionCostMs } from '../../ranking.js';
import { detourMs, indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover } from '../snapshot/planned-host.js';

/** One session that goes on from one place to the next, so that another one finds a place. */
interface ForwardedSession {
  readonly mover: Mover;
  readonly from: number;
}

/**
 * Where sessions go that have to leave: places with room for as many of them as possible, each as near as can be. A
 * bipartite matching by augmenting paths, with places for nodes: who comes late may send on who came before.
 */
export class RegionPoolAssignment {
  readonly #room: number[];
  readonly #seated: Set<Mover>[];
  readonly #placeOf = new Map<Mover, number>();
  readonly #options = new Map<Mover, readonly number[]>();
  /** Places from which nobody can be sent on to one with room. Room only shrinks, so they stay here. */
  readonly #closed = new Set<number>();

  constructor(private readonly fleet: PlannedFleet) {
    this.#room = fleet.regionPools.map((place) => place.roomForMoves('in all'));
    this.#seated = fleet.regionPools.map(() => new Set());
  }

  regionPoolIndexOf(mover: Mover): number | undefined {
    return this.#placeOf.get(mover);
  }

  add(mover: Mover): void {
    const options = indexesOfOptions(this.fleet, mover.session.options);
    this.#options.set(mover, options);
    let nearest: number | undefined;
    let leastMs = Infinity;
    for (const place of options) {
      if (!this.#hasRoom(place)) continue;
      const ms = this.#costMs(mover, place);
      if (nearest === undefined || ms < leastMs) [nearest, leastMs] = [place, ms];
    }
    if (nearest === undefined) this.#squeezeIn(mover, options);
    else this.#seat(mover, nearest);
  }

  #hasRoom(place: number): boolean {
    return this.#taken(place) < (this.#room[place] ?? 0);
  }

  #taken(place: number): number {
    return this.#seated[place]?.size ?? 0;
  }

  /** As in the ranking of places for a new session: distance, and what congestion is worth. */
  #costMs({ session }: Mover, number: number): number {
    const place = this.fleet.regionPoolAt(number);
    const utilisation = place.utilisation + this.#taken(number) / Math.max(place.slots, 1);
    return detourMs(session, place.regionPool) + congestionCostMs(utilisation);
  }

  #seat(mover: Mover, place: number): void {
    const before = this.#placeOf.get(mover);
    if (before !== undefined) this.#seated[before]?.delete(mover);
    this.#placeOf.set(mover, place);
    this.#seated[place]?.add(mover);
  }

  /** Breadth first, so that as few as possible are sent on. */
  #squeezeIn(mover: Mover, options: readonly number[]): void {
    const cameBy = new Map<number, ForwardedSession | null>();
    for (const place of options) if (!this.#closed.has(place)) cameBy.set(place, null);
    for (const place of cameBy.keys()) {
      for (const seated of this.#seated[place] ?? []) {
        for (const next of this.#options.get(seated) ?? []) {
          if (cameBy.has(next) || this.#closed.has(next)) continue;
          cameBy.set(next, { mover: seated, from: place });
          if (this.#hasRoom(next)) {
            this.#sendOn(mover, next, cameBy);
            return;
          }
        }
      }
    }
    for (const place of cameBy.keys()) this.#closed.add(place);
  }

  #sendOn(mover: Mover, end: number, cameBy: ReadonlyMap<number, ForwardedSession | null>): void {
    let free = end;
    for (let onward = cameBy.get(free); onward; onward = cameBy.get(free)) {
      this.#seat(onward.mover, free);
      free = onward.from;
    }
    this.#seat(mover, free);
  }
}
