import type { StoreMs } from '../../../domain/store-time.js';
import type { AuditEntry } from '../../../domain/audit-entry.js';
import { targetName, type Drain, type DrainOutcome } from '../../../domain/drain.js';
import { AUDIT_ENTRIES_KEPT, type DrainStore } from '../../contracts/drains.js';

/** Drains and the audit trail in memory. */
export function createMemoryDrains(now: () => StoreMs): DrainStore {
  /** By region, then by target. */
  const drains = new Map<string, Map<string, Drain>>();
  /** By drain, then by session. */
  const outcomes = new Map<string, Map<string, DrainOutcome>>();
  const auditTrail: AuditEntry[] = [];

  function drainsOf(region: string): Map<string, Drain> {
    const known = drains.get(region) ?? new Map<string, Drain>();
    drains.set(region, known);
    return known;
  }

  return {
    listDrains: async (region) => [...drainsOf(region).values()],
    compareAndSetDrain: async (before, after) => {
      const known = drainsOf(after.target.region);
      const present = known.get(targetName(after.target)) ?? null;
      if (JSON.stringify(present) !== JSON.stringify(before)) return false;
      known.set(targetName(after.target), after);
      return true;
    },
    recordDrainOutcomes: async ({ drainId }, changes) => {
      const known = outcomes.get(drainId) ?? new Map<string, DrainOutcome>();
      for (const [sessionId, outcome] of changes) known.set(sessionId, outcome);
      outcomes.set(drainId, known);
    },
    getDrainOutcomes: async ({ drainId }) => new Map(outcomes.get(drainId)),
    recordAuditEntry: async (entry) => {
      auditTrail.push({ atMs: now(), ...entry });
      if (auditTrail.length > AUDIT_ENTRIES_KEPT) auditTrail.shift();
    },
    listAuditEntries: async (limit) => auditTrail.slice(-limit).reverse(),
  };
}
