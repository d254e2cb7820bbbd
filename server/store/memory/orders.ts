import type { AuditEntry } from '../../domain/audit-entry.js';
import { targetName, type Drain, type DrainOutcome } from '../../domain/drain.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import { AUDIT_KEPT, MOVES_KEPT, type OrderBook } from '../order-book.js';

/** Operators' orders in this process. */
export function createMemoryOrders(now: () => number): OrderBook {
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
    clockMs: async () => now(),
    listDrains: async (region) => [...ofRegion(region).values()],
    async swapDrain(before, after) {
      const known = ofRegion(after.target.region);
      const present = known.get(targetName(after.target)) ?? null;
      if (JSON.stringify(present) !== JSON.stringify(before)) return false;
      known.set(targetName(after.target), after);
      return true;
    },
    async noteOutcomes({ drainId }, changes) {
      const known = outcomes.get(drainId) ?? new Map<string, DrainOutcome>();
      for (const [sessionId, outcome] of changes) known.set(sessionId, outcome);
      outcomes.set(drainId, known);
    },
    outcomes: async ({ drainId }) => new Map(outcomes.get(drainId)),
    async noteMove(entry) {
      const { region } = entry.from;
      const known = [{ atMs: now(), ...entry }, ...(moves.get(region) ?? [])].slice(0, MOVES_KEPT);
      moves.set(region, known);
    },
    moves: async (region, limit) => (moves.get(region) ?? []).slice(0, limit),
    async audit(entry) {
      trail.push({ atMs: now(), ...entry });
      if (trail.length > AUDIT_KEPT) trail.shift();
    },
    auditTrail: async (limit) => trail.slice(-limit).reverse(),
  };
}
