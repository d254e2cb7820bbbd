import type { AuditEntry } from '../../../domain/audit-entry.js';
import { targetName, type Drain, type DrainOutcome } from '../../../domain/drain.js';
import type { MoveEntry } from '../../../domain/move-entry.js';
import { AUDIT_ENTRIES_KEPT, type DrainStore } from '../../contracts/drains.js';
import { MOVES_KEPT, type MoveStore } from '../../contracts/moves.js';

/** Operators' orders in this process. */
export function createMemoryDrains(
  now: () => number,
): DrainStore & Pick<MoveStore, 'recordMove' | 'listMoves'> {
  const drains = new Map<string, Map<string, Drain>>();
  const outcomes = new Map<string, Map<string, DrainOutcome>>();
  const moves = new Map<string, MoveEntry[]>();
  const trail: AuditEntry[] = [];

  function ofRegion(region: string): Map<string, Drain> {
    const known = drains.get(region) ?? new Map<string, Drain>();
    drains.set(region, known);
    return known;
  }

  return {
    listDrains: async (region) => [...ofRegion(region).values()],
    async compareAndSetDrain(before, after) {
      const known = ofRegion(after.target.region);
      const present = known.get(targetName(after.target)) ?? null;
      if (JSON.stringify(present) !== JSON.stringify(before)) return false;
      known.set(targetName(after.target), after);
      return true;
    },
    async recordDrainOutcomes({ drainId }, changes) {
      const known = outcomes.get(drainId) ?? new Map<string, DrainOutcome>();
      for (const [sessionId, outcome] of changes) known.set(sessionId, outcome);
      outcomes.set(drainId, known);
    },
    getDrainOutcomes: async ({ drainId }) => new Map(outcomes.get(drainId)),
    async recordMove(entry) {
      const { region } = entry.from;
      const known = [{ atMs: now(), ...entry }, ...(moves.get(region) ?? [])].slice(0, MOVES_KEPT);
      moves.set(region, known);
    },
    listMoves: async (region, limit) => (moves.get(region) ?? []).slice(0, limit),
    async recordAuditEntry(entry) {
      trail.push({ atMs: now(), ...entry });
      if (trail.length > AUDIT_ENTRIES_KEPT) trail.shift();
    },
    listAuditEntries: async (limit) => trail.slice(-limit).reverse(),
  };
}
