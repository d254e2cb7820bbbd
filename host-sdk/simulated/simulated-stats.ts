import type { EndReason } from '@duskline/protocol';

/** What a simulated host has seen since it was made. */
export interface SimulatedStats {
  /** Tickets that let a client in, first and repeated admissions. */
  readonly admitted: number;
  readonly refused: number;
  /** How often reservations and used slots together became more than the slots. Has to stay 0. */
  readonly overbooked: number;
  /** Sessions and reservations that are over, by reason. */
  readonly ended: Readonly<Partial<Record<EndReason, number>>>;
  /** How often it handed a session over to another host, whether that took it or not. */
  readonly checkpoints: number;
  /** How often it took up what another host handed over, whether the session came or not. */
  readonly restored: number;
  /** Sessions that moved here. */
  readonly moved: number;
  /** Sessions that were held still for a move, and went on here. */
  readonly resumed: number;
  /** Sessions it holds now. */
  readonly sessions: number;
}

/** Counts for one host. */
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

  /** Call it whenever the usage has risen. */
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
