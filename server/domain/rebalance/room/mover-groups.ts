import type { PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';

/** Sessions of one place that are alike to a plan that makes room: they may go to the same places at the same price. */
export interface MoverGroup {
  readonly poolIndex: number;
  readonly free: boolean;
  /** Whether another session may be moved into the slot of one that leaves, not only a waiting player. */
  readonly isReplaceable: boolean;
  /** Numbers of the places where they may go, the nearest first as far as one of them can tell for all. */
  readonly options: readonly number[];
  /** Host by host. */
  readonly movers: Mover[];
}

/** Places in a set are bits of words of this size: two or three words for a fleet of ordinary size. */
const WORD_BITS = 30;
const WORD_SIZE = 2 ** WORD_BITS;

/** The groups of each place, made when they are asked for: mostly a few places are short, and their neighbours matter. */
export class MoverGroups {
  readonly #groups = new Map<number, readonly MoverGroup[]>();
  #room: readonly number[];
  #leavable: (number | undefined)[] = [];
  #moveLive: boolean;
  /** Places with room, or from which somebody could go on to one with room. */
  readonly #useful: (boolean | undefined)[];
  /** Numbers of sets of places: the number of all words but the last, and that word, give the number of the set. */
  readonly #sets = new Map<number, number>();
  readonly #words: Int32Array;

  /** @param moveLive whether live sessions may be moved at all */
  constructor(
    private readonly fleet: PlannedFleet,
    private readonly limits: RebalanceLimits,
    moveLive: boolean,
  ) {
    this.#moveLive = moveLive;
    this.#room = fleet.regionPools.map((place) => place.roomForMoves('now'));
    this.#useful = this.#room.map((room) => (room > 0 ? true : undefined));
    this.#words = new Int32Array(Math.ceil(fleet.regionPools.length / WORD_BITS));
  }

  /** Counts anew after some of the sessions were moved. The groups stay: what was no use is none now. */
  refresh(moveLive: boolean): void {
    this.#moveLive = moveLive;
    this.#room = this.fleet.regionPools.map((place) => place.roomForMoves('now'));
    this.#leavable = [];
  }

  /** How many sessions can be moved to the place. */
  roomIn(place: number): number {
    return this.#room[place] ?? 0;
  }

  /** How many sessions can leave the place at once, by what its hosts allow. */
  countLeavable(place: number): number {
    return (this.#leavable[place] ??= this.#sourcesIn(place).reduce(
      (sum, { movers }) => sum + this.countMovable(movers),
      0,
    ));
  }

  /** How many of these sessions can leave at once. They come host by host. */
  countMovable(movers: readonly Mover[]): number {
    let count = 0;
    let left = 0;
    let host: PlannedHost | undefined;
    for (const mover of movers) {
      if (mover.host !== host) left = mover.host.movesLeft;
      host = mover.host;
      if (left === 0 || !this.#mayMove(mover)) continue;
      left -= 1;
      count += 1;
    }
    return count;
  }

  groupsIn(place: number): readonly MoverGroup[] {
    let groups = this.#groups.get(place);
    if (groups === undefined) this.#groups.set(place, (groups = this.#gather(place)));
    return groups;
  }

  #gather(place: number): MoverGroup[] {
    const groups = new Map<number, MoverGroup>();
    for (const host of this.#sourcesIn(place)) {
      const replaceable = host.canReplace(this.limits.freedSlotCap);
      for (const mover of host.movers) {
        if (!this.#mayMove(mover)) continue;
        const { free } = mover;
        const set = this.#usefulSet(mover);
        if (set === 0) continue;
        const key = set * 4 + (free ? 2 : 0) + (replaceable ? 1 : 0);
        const group = groups.get(key);
        if (group !== undefined) group.movers.push(mover);
        else
          groups.set(key, {
            poolIndex: place,
            free,
            isReplaceable: replaceable,
            options: this.#usefulOptions(mover),
            movers: [mover],
          });
      }
    }
    return [...groups.values()];
  }

  /** Slots on other hosts are no use when they are left: nobody gets them. */
  #sourcesIn(place: number): PlannedHost[] {
    const { hosts } = this.fleet.regionPoolAt(place);
    return hosts.filter((host) => host.takesPlayers && host.isSource && host.movesLeft > 0);
  }

  /** The number of the set of places where the session may usefully go; 0 for none. */
  #usefulSet({ session, host }: Mover): number {
    const words = this.#words.fill(0);
    let isEmpty = true;
    for (const option of session.options) {
      const place = this.fleet.indexOfRegionPool(option.place);
      if (place === undefined || !this.#isUseful(place, host.poolIndex)) continue;
      const word = Math.floor(place / WORD_BITS);
      words[word] = (words[word] ?? 0) | (1 << (place % WORD_BITS));
      isEmpty = false;
    }
    if (isEmpty) return 0;
    let set = 0;
    for (const word of words) {
      const key = set * WORD_SIZE + word;
      const known = this.#sets.get(key);
      set = known ?? this.#sets.size + 1;
      if (known === undefined) this.#sets.set(key, set);
    }
    return set;
  }

  #usefulOptions({ session, host }: Mover): number[] {
    const nearest = [...session.options].sort((a, b) => a.rttMs - b.rttMs);
    const places = nearest.map(({ place }) => this.fleet.indexOfRegionPool(place) ?? host.poolIndex);
    return [...new Set(places)].filter((place) => this.#isUseful(place, host.poolIndex));
  }

  #isUseful(place: number, from: number): boolean {
    return place !== from && (this.#useful[place] ??= this.#canBePassed(place));
  }

  #canBePassed(place: number): boolean {
    const leadsOn = ({ session }: Mover): boolean =>
      session.options.some((option) => {
        const number = this.fleet.indexOfRegionPool(option.place);
        return number !== undefined && number !== place && this.roomIn(number) > 0;
      });
    return this.#sourcesIn(place).some(
      (host) =>
        host.canReplace(this.limits.freedSlotCap) &&
        host.movers.some((mover) => this.#mayMove(mover) && leadsOn(mover)),
    );
  }

  #mayMove({ isMoved: moved, free }: Mover): boolean {
    return !moved && (free || this.#moveLive);
  }
}
