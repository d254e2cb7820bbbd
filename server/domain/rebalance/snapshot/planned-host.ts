import type { HostSnapshot, SessionSnapshot } from './fleet-snapshot.js';

/** Upper bound of the rounding errors in sums of shares. */
const ROUNDING = 1e-9;

/** A session that the plan may move, and its host. */
export interface Mover {
  readonly session: SessionSnapshot;
  readonly host: PlannedHost;
  /** Whether no client has claimed the session yet: moving it interrupts no player and costs no budget. */
  readonly isUnclaimed: boolean;
  /** Whether the plan contains a move of this session. */
  isMoved: boolean;
}

/** A host while a plan is being made: its snapshot, and the moves from and to it that the plan contains so far. */
export class PlannedHost {
  /** Sessions of this host that the plan may move. */
  readonly movers: Mover[] = [];
  /** Sessions that the plan moves here minus those that it moves away. */
  #netIncoming = 0;
  #congestion: number;
  /** Whether the store places new sessions here. */
  readonly takesPlayers: boolean;
  /** Whether sessions may be moved away from here. */
  readonly isSource: boolean;
  readonly #isTargetHost: boolean;
  #movesLeft: number;

  /**
   * @param poolIndex index of its region pool in `PlannedFleet.regionPools`
   * @param maxMoves maximum number of moves from and to it at a time
   * @param mayBeTargetHost whether the plan may move sessions here
   */
  constructor(
    readonly snapshot: HostSnapshot,
    readonly poolIndex: number,
    maxMoves: number,
    mayBeTargetHost: boolean,
  ) {
    const { state, open, heat, quarantined, outgoingMoves, incomingMoves } = snapshot;
    this.#congestion = snapshot.congestion;
    this.#movesLeft = Math.max(0, maxMoves - outgoingMoves - incomingMoves);
    this.takesPlayers = state === 'ready' && open && heat === 'cool';
    this.isSource = state === 'ready' && !quarantined;
    this.#isTargetHost = mayBeTargetHost && this.takesPlayers && !quarantined;
  }

  get slots(): number {
    return this.snapshot.slots;
  }

  get congestion(): number {
    return this.#congestion;
  }

  /** Forecast of its load after all moves, planned and under way. A session counts as one slot's share. */
  get load(): number {
    return this.snapshot.load + this.#loadOfMoves;
  }

  /** Forecast of its measured load after all moves, without the expected load of sessions that have just started. */
  get measuredLoad(): number {
    return this.snapshot.measuredLoad + this.#loadOfMoves;
  }

  get #loadOfMoves(): number {
    return (this.#netIncoming - this.snapshot.outgoingMoves) / this.slots;
  }

  get freeSlots(): number {
    return Math.max(0, this.slots - this.snapshot.committed - this.#netIncoming);
  }

  /** How many more chains may move from or to it. The moves of a chain run one after the other, so a chain counts once. */
  get movesLeft(): number {
    return this.#movesLeft;
  }

  /** How many sessions can be moved here one after the other, with the congestion at most `cap` before each. */
  roomUnder(cap: number): number {
    if (!this.#isTargetHost) return 0;
    const spare = cap - this.congestion + ROUNDING;
    if (spare < 0) return 0;
    return Math.min(this.freeSlots, Math.floor(spare * this.slots) + 1);
  }

  /** Whether a session may be moved into the slot that another one leaves, which does not change the load. */
  canReplace(freedSlotCap: number): boolean {
    const isFull = this.congestionWithoutOne > freedSlotCap + ROUNDING;
    return this.#isTargetHost && !isFull;
  }

  /** Congestion after one session has left. */
  get congestionWithoutOne(): number {
    return this.congestion - 1 / this.slots;
  }

  /**
   * Plans that a session moves here (1) or away (-1).
   *
   * @returns the change of the number of free slots
   */
  changeSessions(sessions: 1 | -1): number {
    const before = this.freeSlots;
    this.#netIncoming += sessions;
    this.#congestion = this.snapshot.congestion + this.#netIncoming / this.slots;
    this.#movesLeft -= 1;
    return this.freeSlots - before;
  }

  /** Plans that a session moves away, and another one into its slot. */
  replaceSession(): void {
    this.#movesLeft -= 1;
  }
}

/** The order in which hosts are chosen: the least congested first, then by host id, so that all plans agree. */
export function isCooler(a: PlannedHost, b: PlannedHost): boolean {
  const difference = a.congestion - b.congestion;
  return difference < 0 || (difference === 0 && a.snapshot.hostId < b.snapshot.hostId);
}
