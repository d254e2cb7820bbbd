import type { AuditEntry } from '../../domain/audit-entry.js';
import type { Drain, DrainOutcome } from '../../domain/drain.js';
import type { MoveEntry } from '../../domain/move-entry.js';

/** What operators ordered. Each region keeps its own drains: one of every target, the latest. */
export interface DrainStore {
  /** The store's time, in milliseconds since 1970: deadlines are judged by it. */
  getTimeMs(): Promise<number>;

  /** The latest drain of every target of the region that ever had one, in no particular order. */
  listDrains(region: string): Promise<readonly Drain[]>;
  /**
   * Puts a drain in the place of what is known of its target, if that is still `before`. Of two brokers that change
   * one drain, one does.
   *
   * @param before as it was read; `null` when the target had none
   * @returns whether it was done
   */
  compareAndSetDrain(before: Drain | null, after: Drain): Promise<boolean>;
  /** Notes what became of sessions, over what was noted before. */
  recordDrainOutcomes(drain: Drain, outcomes: ReadonlyMap<string, DrainOutcome>): Promise<void>;
  /** Every session that the drain met, with what became of it. Kept for `OUTCOMES_KEPT_MS` after the last change. */
  getDrainOutcomes(drain: Drain): Promise<ReadonlyMap<string, DrainOutcome>>;

  /** Writes a move down, in the region that the session left. */
  recordMove(entry: Omit<MoveEntry, 'atMs'>): Promise<void>;
  /** The latest moves out of a region, the newest first: `MOVES_KEPT` at the most. */
  listMoves(region: string, limit: number): Promise<readonly MoveEntry[]>;

  /** Writes an order down for good. */
  recordAuditEntry(entry: Omit<AuditEntry, 'atMs'>): Promise<void>;
  /** The latest orders, the newest first. */
  listAuditEntries(limit: number): Promise<readonly AuditEntry[]>;
}

/** How long outcomes of single sessions can be asked for: a week. */
export const DRAIN_OUTCOMES_KEPT_MS = 7 * 24 * 3_600_000;

/** So many moves of a region can be asked for. */
export const MOVES_KEPT = 1_000;

/** The audit trail keeps about so many orders; the oldest give way. */
export const AUDIT_ENTRIES_KEPT = 100_000;
