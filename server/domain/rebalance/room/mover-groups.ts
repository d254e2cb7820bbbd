import type { PlannedFleet } from '../snapshot/planned-fleet.js';
import type { Mover, PlannedHost } from '../snapshot/planned-host.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';

/** Sessions of one region pool that are equivalent for making room: same targets, same cost. */
export interface MoverGroup {
  readonly poolIndex: number;
  readonly isUnclaimed: boolean;
  /** Whether the slot that a session leaves may be filled by another session, not only by a waiting player. */
  readonly isReplaceable: boolean;
  /** Indexes of the region pools where they may go, in the order of the round-trip times of the first member. */
  readonly options: readonly number[];
  /** Sessions of one host are adjacent. */
  readonly movers: Mover[];
}

/** A set of region pools is a bit set of words of this size: two or three words for an ordinary fleet. */
const WORD_BITS = 30;
const WORD_SIZE = 2 ** WORD_BITS;

/** The groups of each region pool, built on first use: mostly only a few region pools lack slots. */
export class MoverGroups {
  readonly #groups = new Map<number, readonly MoverGroup[]>();
  #room: readonly number[];
  #movableFrom: (number | undefined)[] = [];
  #mayMoveLive: boolean;
  /** Whether a region pool has room, or a session that could move on from it to one with room. Filled on first use. */
  readonly #useful: (boolean | undefined)[];
  /** Ids of the sets of region pools. The id of a set's first words and the next word give the id of these words together. */
  readonly #sets = new Map<number, number>();
  readonly #words: Int32Array;

  /** @param mayMoveLive whether live sessions may be moved at all */
  constructor(
    private readonly fleet: PlannedFleet,
    private readonly limits: RebalanceLimits,
    mayMoveLive: boolean,
  ) {
    this.#mayMoveLive = mayMoveLive;
    this.#room = fleet.regionPools.map((plannedPool) => plannedPool.roomForMoves('now'));
    this.#useful = this.#room.map((room) => (room > 0 ? true : undefined));
    this.#words = new Int32Array(Math.ceil(fleet.regionPools.length / WORD_BITS));
  }

  /** Counts room again after moves were planned. The groups stay valid, since room and movable sessions only shrink. */
  refresh(mayMoveLive: boolean): void {
    this.#mayMoveLive = mayMoveLive;
    this.#room = this.fleet.regionPools.map((plannedPool) => plannedPool.roomForMoves('now'));
    this.#movableFrom = [];
  }

  /** How many sessions can be moved to the region pool. */
  roomIn(poolIndex: number): number {
    return this.#room[poolIndex] ?? 0;
  }

  /** How many sessions can leave the region pool at once, by the maximum of moves per host. */
  countMovableFrom(poolIndex: number): number {
    return (this.#movableFrom[poolIndex] ??= this.#sourcesIn(poolIndex).reduce(
      (sum, { movers }) => sum + this.countMovable(movers),
      0,
    ));
  }

  /** How many of these sessions can leave at once. Sessions of one host must be adjacent. */
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

  /** The groups of the region pool. */
  groupsIn(poolIndex: number): readonly MoverGroup[] {
    let groups = this.#groups.get(poolIndex);
    if (groups === undefined) this.#groups.set(poolIndex, (groups = this.#buildGroups(poolIndex)));
    return groups;
  }

  #buildGroups(poolIndex: number): MoverGroup[] {
    const groups = new Map<number, MoverGroup>();
    for (const host of this.#sourcesIn(poolIndex)) {
      const replaceable = host.canReplace(this.limits.freedSlotCap);
      for (const mover of host.movers) {
        if (!this.#mayMove(mover)) continue;
        const { isUnclaimed } = mover;
        const set = this.#usefulSet(mover);
        if (set === 0) continue;
        const key = set * 4 + (isUnclaimed ? 2 : 0) + (replaceable ? 1 : 0);
        const group = groups.get(key);
        if (group !== undefined) group.movers.push(mover);
        else
          groups.set(key, {
            poolIndex,
            isUnclaimed,
            isReplaceable: replaceable,
            options: this.#usefulOptions(mover),
            movers: [mover],
          });
      }
    }
    return [...groups.values()];
  }

  /** Hosts whose sessions may leave. On a host that takes no players, no player could use the freed slot. */
  #sourcesIn(poolIndex: number): PlannedHost[] {
    const { hosts } = this.fleet.regionPoolAt(poolIndex);
    return hosts.filter((host) => host.takesPlayers && host.isSource && host.movesLeft > 0);
  }

  /** Id of the set of useful region pools of the session; 0 if there are none. */
  #usefulSet({ session, host }: Mover): number {
    const words = this.#words.fill(0);
    let isEmpty = true;
    for (const option of session.options) {
      const poolIndex = this.fleet.indexOfRegionPool(option.regionPool);
      if (poolIndex === undefined || !this.#isUseful(poolIndex, host.poolIndex)) continue;
      const word = Math.floor(poolIndex / WORD_BITS);
      words[word] = (words[word] ?? 0) | (1 << (poolIndex % WORD_BITS));
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
    const poolIndexes = nearest.map(
      ({ regionPool }) => this.fleet.indexOfRegionPool(regionPool) ?? host.poolIndex,
    );
    return [...new Set(poolIndexes)].filter((poolIndex) => this.#isUseful(poolIndex, host.poolIndex));
  }

  #isUseful(poolIndex: number, from: number): boolean {
    return poolIndex !== from && (this.#useful[poolIndex] ??= this.#hasMoverWithRoomElsewhere(poolIndex));
  }

  #hasMoverWithRoomElsewhere(poolIndex: number): boolean {
    const hasRoomElsewhere = ({ session }: Mover): boolean =>
      session.options.some((option) => {
        const number = this.fleet.indexOfRegionPool(option.regionPool);
        return number !== undefined && number !== poolIndex && this.roomIn(number) > 0;
      });
    return this.#sourcesIn(poolIndex).some(
      (host) =>
        host.canReplace(this.limits.freedSlotCap) &&
        host.movers.some((mover) => this.#mayMove(mover) && hasRoomElsewhere(mover)),
    );
  }

  #mayMove({ isMoved, isUnclaimed }: Mover): boolean {
    return !isMoved && (isUnclaimed || this.#mayMoveLive);
  }
}
