import type { HostSnapshot, SessionSnapshot } from './fleet-snapshot.js';

/** Sums of shares are off by less than this. */
const ROUNDING = 1e-9;

/** A session that may be moved, with its host. */
export interface Mover {
  readonly session: SessionSnapshot;
  readonly host: PlannedHost;
  /** Nobody has claimed it. */
  readonly free: boolean;
  /** Whether the plan moves it. */
  isMoved: boolean;
}

/** One host as the plan has it so far: the picture, and what the plan itself moves from and to it. */
export class PlannedHost {
  /** Its sessions that may be moved, as far as the plan looks at them. */
  readonly movers: Mover[] = [];
  /** Sessions that the plan moves here, less those that it moves away. */
  #balance = 0;
  #congestion: number;
  /** Whether the store gives its free slots to players who ask or wait. */
  readonly takesPlayers: boolean;
  /** Whether sessions may be moved away from it. */
  readonly isSource: boolean;
  readonly #isTarget: boolean;
  #movesLeft: number;

  /**
   * @param poolIndex number of its place
   * @param maxMoves how many moves may touch it at a time
   * @param isInScope whether the plan may move anything here at all
   */
  constructor(
    readonly snapshot: HostSnapshot,
    readonly poolIndex: number,
    maxMoves: number,
    isInScope: boolean,
  ) {
    const { state, open, hot, quarantined, outgoingMoves: leaving, incomingMoves: arriving } = snapshot;
    this.#congestion = snapshot.congestion;
    this.#movesLeft = Math.max(0, maxMoves - leaving - arriving);
    this.takesPlayers = state === 'ready' && open && !hot;
    this.isSource = state === 'ready' && !quarantined;
    this.#isTarget = isInScope && this.takesPlayers && !quarantined;
  }

  get slots(): number {
    return this.snapshot.slots;
  }

  get congestion(): number {
    return this.#congestion;
  }

  /** What it will bear when everything that is on its way has arrived. */
  get load(): number {
    const { load, outgoingMoves: leaving } = this.snapshot;
    return load + (this.#balance - leaving) / this.slots;
  }

  get freeSlots(): number {
    return Math.max(0, this.slots - this.snapshot.committed - this.#balance);
  }

  /** How many more chains may touch it now. The steps of a chain come one after the other, so it counts once. */
  get movesLeft(): number {
    return this.#movesLeft;
  }

  /** How many sessions can be moved here one after the other, each finding it not above `cap`. */
  roomUnder(cap: number): number {
    if (!this.#isTarget) return 0;
    const spare = cap - this.congestion + ROUNDING;
    if (spare < 0) return 0;
    return Math.min(this.freeSlots, Math.floor(spare * this.slots) + 1);
  }

  /** Whether a session may take the place of one that leaves: the host then bears what it bore. */
  canReplace(freedSlotCap: number): boolean {
    const isFull = this.congestionWithoutOne > freedSlotCap + ROUNDING;
    return this.#isTarget && !isFull;
  }

  get congestionWithoutOne(): number {
    return this.congestion - 1 / this.slots;
  }

  /** @returns how many free slots it has more for that */
  changeSessions(sessions: 1 | -1): number {
    const before = this.freeSlots;
    this.#balance += sessions;
    this.#congestion = this.snapshot.congestion + this.#balance / this.slots;
    this.#movesLeft -= 1;
    return this.freeSlots - before;
  }

  /** One chain moves a session away and another one here. */
  replaceSession(): void {
    this.#movesLeft -= 1;
  }
}

/** The order in which hosts are chosen: the least congested first, and the same for everybody. */
export function isCooler(a: PlannedHost, b: PlannedHost): boolean {
  const difference = a.congestion - b.congestion;
  return difference < 0 || (difference === 0 && a.snapshot.hostId < b.snapshot.hostId);
}
