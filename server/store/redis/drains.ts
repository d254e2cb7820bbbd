import type { Cluster, Redis } from 'ioredis';
import type { AuditEntry } from '../../domain/audit-entry.js';
import {
  DRAIN_OUTCOMES,
  DRAIN_STATES,
  targetName,
  type Drain,
  type DrainOutcome,
} from '../../domain/drain.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import {
  AUDIT_ENTRIES_KEPT,
  MOVES_KEPT,
  DRAIN_OUTCOMES_KEPT_MS,
  type DrainStore,
} from '../contracts/drains.js';
import type { KeySpace } from './keys.js';
import { StoredFormatError, inGroups, oneOf } from './records.js';
import type { RunScript } from './scripts.js';

/** One command notes at most so many outcomes: bounds how long Redis serves nobody else. */
const OUTCOMES_PER_COMMAND = 500;

interface DrainsContext {
  readonly redis: Redis | Cluster;
  readonly keys: KeySpace;
  readonly run: RunScript;
  /** What time it is, when a test says so. */
  readonly clock: () => number | '';
  /** Turns failures of Redis into the store's. */
  readonly command: <T>(command: () => Promise<T>) => Promise<T>;
}

/** Operators' orders in Redis: drains beside their region, the audit trail in a stream of its own. */
export function createDrains({ redis, keys, run, clock, command }: DrainsContext): DrainStore {
  return {
    async getTimeMs() {
      const told = clock();
      if (told !== '') return told;
      const [seconds = 0, micros = 0] = (await command(() => redis.time())).map(Number);
      return seconds * 1_000 + Math.floor(micros / 1_000);
    },

    async listDrains(region) {
      const texts = await command(() => redis.hvals(keys.drains(region)));
      return texts.map(decodeDrain);
    },

    async compareAndSetDrain(before, after) {
      const args = [
        clock(),
        targetName(after.target),
        before === null ? '' : encodeDrain(before),
        encodeDrain(after),
      ];
      return (await run('drains/compare-and-set-drain', [keys.drains(after.target.region)], args)) === 1;
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

    async recordMove(entry) {
      const key = keys.moves(entry.from.region);
      const line = JSON.stringify({ atMs: await this.getTimeMs(), ...entry });
      await command(() => redis.lpush(key, line));
      await command(() => redis.ltrim(key, 0, MOVES_KEPT - 1));
    },

    async listMoves(region, limit) {
      const lines = await command(() => redis.lrange(keys.moves(region), 0, limit - 1));
      return lines.map((line) => JSON.parse(line) as MoveEntry);
    },

    async recordAuditEntry(entry) {
      const line = JSON.stringify({ atMs: await this.getTimeMs(), ...entry });
      await command(() => redis.xadd(keys.audit, 'MAXLEN', '~', AUDIT_ENTRIES_KEPT, '*', 'entry', line));
    },

    async listAuditEntries(limit) {
      const entries = await command(() => redis.xrevrange(keys.audit, '+', '-', 'COUNT', limit));
      return entries.map(([, [, line = '']]) => JSON.parse(line) as AuditEntry);
    },
  };
}

/** The same text for the same drain: `swapDrain` compares texts. */
function encodeDrain(drain: Drain): string {
  const { target, drainId, mode, atDeadline, deadlineAtMs, orderedAtMs, orderedBy, state, finishedAtMs } =
    drain;
  const { region, pool, hostId } = target;
  return JSON.stringify({
    drainId,
    target: { region, pool, hostId },
    mode,
    atDeadline,
    deadlineAtMs,
    orderedAtMs,
    orderedBy,
    state,
    finishedAtMs,
  });
}

export function decodeDrain(text: string): Drain {
  const drain = JSON.parse(text) as Drain;
  if (typeof drain.drainId !== 'string' || !DRAIN_STATES.includes(drain.state)) {
    throw new StoredFormatError('a drain is not readable');
  }
  return drain;
}
