import type { AuditEntry } from '../../domain/audit-entry.js';
import type { Drain, DrainOutcome } from '../../domain/drain.js';

/** Drains that operators ordered, and the audit trail. Errors: see `FleetStore`. */
export interface DrainStore {
  /** The latest drain of every target of the region that ever had one, in no particular order. */
  listDrains(region: string): Promise<readonly Drain[]>;
  /**
   * Replaces the drain of a target if it is still `before`. Of two brokers that change one drain at once, one succeeds.
   *
   * @param before as it was read; `null` when the target had no drain
   * @returns whether it was replaced
   */
  compareAndSetDrain(before: Drain | null, after: Drain): Promise<boolean>;
  /** Records the outcomes of sessions, in place of outcomes that were recorded for them before. */
  recordDrainOutcomes(drain: Drain, outcomes: ReadonlyMap<string, DrainOutcome>): Promise<void>;
  /**
   * The outcome of every session that the drain affected, by session id. Kept for `DRAIN_OUTCOMES_KEPT_MS` after the last
   * change.
   */
  getDrainOutcomes(drain: Drain): Promise<ReadonlyMap<string, DrainOutcome>>;

  /** Appends an operator's order to the audit trail. */
  recordAuditEntry(entry: Omit<AuditEntry, 'atMs'>): Promise<void>;
  /** The latest entries of the audit trail, the newest first. */
  listAuditEntries(limit: number): Promise<readonly AuditEntry[]>;
}

/** How long the outcomes of single sessions are kept: a week. */
export const DRAIN_OUTCOMES_KEPT_MS = 7 * 24 * 3_600_000;

/** About how many entries the audit trail keeps; the oldest are deleted. */
export const AUDIT_ENTRIES_KEPT = 100_000;
