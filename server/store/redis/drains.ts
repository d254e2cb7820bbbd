import type { AuditEntry } from '../../domain/audit-entry.js';
import { DRAIN_OUTCOMES, targetName, type DrainOutcome } from '../../domain/drain.js';
import { AUDIT_ENTRIES_KEPT, DRAIN_OUTCOMES_KEPT_MS, type DrainStore } from '../contracts/drains.js';
import { inGroups } from './batches.js';
import { decodeDrain, encodeDrain } from './drain-records.js';
import { oneOf } from './records.js';
import type { RedisContext } from './redis-context.js';

/** One command records at most this many outcomes: it bounds how long Redis serves no other command. */
const OUTCOMES_PER_COMMAND = 500;

/** Drains in Redis, each with the keys of its region, and the audit trail as a stream. */
export function createRedisDrains({ redis, keys, run, command, getTimeMs }: RedisContext): DrainStore {
  return {
    async listDrains(region) {
      const texts = await command(() => redis.hvals(keys.drains(region)));
      return texts.map(decodeDrain);
    },

    async compareAndSetDrain(before, after) {
      const args = {
        target: targetName(after.target),
        before: before === null ? '' : encodeDrain(before),
        after: encodeDrain(after),
      };
      return (
        (await run('drains/compare-and-set-drain', { drains: keys.drains(after.target.region) }, args)) === 1
      );
    },

    async recordDrainOutcomes({ target, drainId }, outcomes) {
      if (outcomes.size === 0) return;
      const key = keys.drainOutcomes(target.region, drainId);
      for (const group of inGroups([...outcomes], OUTCOMES_PER_COMMAND)) {
        await command(() => redis.hset(key, ...group.flat()));
      }
      await command(() => redis.pexpire(key, DRAIN_OUTCOMES_KEPT_MS));
    },

    async getDrainOutcomes({ target, drainId }) {
      const found = await command(() => redis.hgetall(keys.drainOutcomes(target.region, drainId)));
      return new Map(
        Object.entries(found).map(([sessionId, text]) => [
          sessionId,
          oneOf<DrainOutcome>(DRAIN_OUTCOMES, text),
        ]),
      );
    },

    async recordAuditEntry(entry) {
      const line = JSON.stringify({ atMs: await getTimeMs(), ...entry });
      await command(() => redis.xadd(keys.audit, 'MAXLEN', '~', AUDIT_ENTRIES_KEPT, '*', 'entry', line));
    },

    async listAuditEntries(limit) {
      const entries = await command(() => redis.xrevrange(keys.audit, '+', '-', 'COUNT', limit));
      return entries.map(([, [, line = '']]) => JSON.parse(line) as AuditEntry);
    },
  };
}
