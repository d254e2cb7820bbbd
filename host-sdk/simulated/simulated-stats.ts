import type { EndReason } from '@duskline/protocol';

/** Counts since a simulated host was created. */
export interface SimulatedStats {
  /** Admissions, including those of clients that reconnected. */
  readonly admitted: number;
  readonly refused: number;
  /** How often reservations and held sessions exceeded the slots. Must stay 0. */
  readonly overbooked: number;
  /** Sessions and reservations that have ended, by reason. */
  readonly ended: Readonly<Partial<Record<EndReason, number>>>;
  /** Checkpoints created, whether or not the move succeeded. */
  readonly checkpoints: number;
  /** Checkpoints restored, whether or not the move succeeded. */
  readonly restored: number;
  /** Sessions that moved here. */
  readonly moved: number;
  /** Sessions that were paused for a move and resumed here. */
  readonly resumed: number;
  /** Current sessions. */
  readonly sessions: number;
}

/** The counters of one simulated host. */
export class SimulatedCounters {
  #admitted = 0;
  #refused = 0;
  #overbooked = 0;
  #checkpoints = 0;
  #restored = 0;
  #moved = 0;
  #resumed = 0;
  readonly #ended: Partial<Record<EndReason, number>> = {};

  countAdmitted(): void {
    this.#admitted += 1;
  }

  countRefused(): void {
    this.#refused += 1;
  }

  countEnded(reason: EndReason): void {
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
  }

  countCheckpoint(): void {
    this.#checkpoints += 1;
  }

  countRestored(): void {
    this.#restored += 1;
  }

  countMoved(): void {
    this.#moved += 1;
  }

  countResumed(): void {
    this.#resumed += 1;
  }

  /** Call this whenever the usage has increased. */
  checkOverbooked({ slots, prepared, held }: { slots: number; prepared: number; held: number }): void {
    if (prepared + held > slots) this.#overbooked += 1;
  }

  readStats(sessions: number): SimulatedStats {
    return {
      admitted: this.#admitted,
      refused: this.#refused,
      overbooked: this.#overbooked,
      ended: { ...this.#ended },
      checkpoints: this.#checkpoints,
      restored: this.#restored,
      moved: this.#moved,
      resumed: this.#resumed,
      sessions,
    };
  }
}
