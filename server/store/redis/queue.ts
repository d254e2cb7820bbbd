import { toStoreMs, toUnixMs } from '../../domain/store-time.js';
import type {
  AcceptOfferOutcome,
  EnqueueOutcome,
  QueueEntryStatus,
  QueueStatus,
  QueueStore,
  QueuedEntry,
} from '../contracts/queue.js';
import { MAX_BATCH, inBatches, inGroups } from './batches.js';
import {
  StoredFormatError,
  decodeEnded,
  decodeEndReason,
  decodeMeta,
  decodeSession,
  encodeMeta,
  texts,
} from './records.js';
import type { RedisContext } from './redis-context.js';

/** Queues in Redis. */
export function createRedisQueue({ redis, keys, runInPool, command }: RedisContext): QueueStore {
  return {
    enqueue: (regionPool, entries, maxLength) =>
      inBatches(entries, async (batch) => {
        const sessionIds = batch.map(({ sessionId }) => sessionId);
        const reply = await runInPool('queue/enqueue', regionPool, {
          maxLength,
          sessionIds,
          epochs: batch.map(({ epoch }) => epoch),
          arrivalTimes: batch.map(({ arrivedAtMs }) => (arrivedAtMs === null ? null : toUnixMs(arrivedAtMs))),
          headStarts: batch.map(({ headStartMs }) => headStartMs),
          misses: batch.map(({ missed }) => missed),
          brokerIds: batch.map(({ clientBrokerId }) => clientBrokerId),
          metas: batch.map(({ meta }) => encodeMeta(meta)),
        });
        return decodeEnqueue(sessionIds, reply);
      }),

    async getQueueStatus(regionPool, sessionIds, attended) {
      // Without an entry the script still returns the length and the rate.
      const batches = sessionIds.length === 0 ? [[]] : inGroups(sessionIds, MAX_BATCH);
      const statuses = await Promise.all(
        batches.map(async (batch) => {
          const args = { attended, sessionIds: batch };
          return decodeQueueStatus(batch, await runInPool('queue/get-queue-status', regionPool, args));
        }),
      );
      const { length, freedPerMs } = statuses.at(-1) ?? { length: 0, freedPerMs: null };
      return { entries: statuses.flatMap(({ entries }) => entries), length, freedPerMs };
    },

    async acceptOffer(regionPool, { sessionId, fromEpoch, toEpoch, clientBrokerId }, ttlMs) {
      const reply = await runInPool('queue/accept-offer', regionPool, {
        callerId: clientBrokerId,
        sessionId,
        fromEpoch,
        toEpoch,
        reservationMs: ttlMs,
      });
      return decodeAcceptOffer(sessionId, reply);
    },

    withdrawEntries: (regionPool, withdrawals, callerId) =>
      inBatches(withdrawals, async (batch) =>
        decodeEnded(
          await runInPool('queue/withdraw-entries', regionPool, {
            callerId,
            sessionIds: batch.map(({ sessionId }) => sessionId),
            belowEpochs: batch.map(({ belowEpoch }) => belowEpoch),
          }),
        ),
      ),

    findExpiredOffers: async (regionPool, limit) =>
      texts(await runInPool('queue/find-expired-offers', regionPool, { limit })),

    async recordMissedOffers(regionPool, sessionIds) {
      await inBatches(sessionIds, async (batch) => {
        await runInPool('queue/record-missed-offers', regionPool, { sessionIds: batch });
        return [];
      });
    },

    expireOffers: (regionPool, sessionIds, callerId) =>
      inBatches(sessionIds, async (batch) =>
        decodeEnded(await runInPool('queue/expire-offers', regionPool, { callerId, sessionIds: batch })),
      ),

    async expireUnattendedEntries(regionPool, graceMs, limit, callerId) {
      const args = { callerId, graceMs, limit };
      return decodeEnded(await runInPool('queue/expire-unattended-entries', regionPool, args));
    },

    async listQueuedEntries(regionPool, limit) {
      const queue = keys.poolKey(regionPool, 'queue');
      const ids = await command(() => redis.zrange(queue, '0', String(limit - 1)));
      if (ids.length === 0) return [];
      const records = await command(() => redis.hmget(keys.poolKey(regionPool, 'waiting'), ...ids));
      return ids.flatMap((sessionId, i) => {
        const record = records[i];
        // An entry may be served between the two commands.
        return typeof record === 'string' ? [decodeQueuedEntry(sessionId, record)] : [];
      });
    },

    async scanQueue(regionPool, cursor, count) {
      const queue = keys.poolKey(regionPool, 'queue');
      const [next, members] = await command(() => redis.zscan(queue, cursor ?? '0', 'COUNT', count));
      // Each member is followed by its score.
      return { sessionIds: members.filter((_, i) => i % 2 === 0), next: next === '0' ? null : next };
    },
  };
}

/** @param sessionIds of the entries, in the order of the call */
function decodeEnqueue(sessionIds: readonly string[], reply: unknown): EnqueueOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): EnqueueOutcome => {
    const field = fields[i] ?? '';
    const detail = field.slice(1);
    switch (field.charAt(0)) {
      case '~':
        return { kind: 'waiting', arrivedAtMs: toStoreMs(Number(detail)) };
      case '=':
        return { kind: 'existing', session: decodeSession(sessionId, detail) };
      case '!':
        return { kind: 'over', reason: decodeEndReason(detail) };
      case '#':
        return { kind: 'queue_full' };
      case '/':
        return { kind: 'closed' };
      default:
        throw new StoredFormatError(`unexpected "${field}"`);
    }
  });
}

/** @param sessionIds of the entries, in the order of the call */
function decodeQueueStatus(sessionIds: readonly string[], reply: unknown): QueueStatus {
  const fields = texts(reply);
  const entries = sessionIds.map((sessionId, i) => decodeEntryStatus(sessionId, fields[i] ?? ''));
  const [length, rate] = fields.slice(-2);
  return { entries, length: Number(length), freedPerMs: rate === '' ? null : Number(rate) };
}

function decodeEntryStatus(sessionId: string, field: string): QueueEntryStatus {
  const detail = field.slice(1);
  switch (field.charAt(0)) {
    case '~': {
      const [ahead, arrivedAt, missed, clientBrokerId = '', title = ''] = detail.split('|');
      return {
        kind: 'waiting',
        ahead: Number(ahead),
        arrivedAtMs: toStoreMs(Number(arrivedAt)),
        clientBrokerId,
        title,
        missed: missed === '1',
      };
    }
    case '=':
      return { kind: 'session', session: decodeSession(sessionId, detail) };
    case '?':
      return { kind: 'unknown' };
    default:
      throw new StoredFormatError(`unexpected "${field}"`);
  }
}

function decodeAcceptOffer(sessionId: string, reply: unknown): AcceptOfferOutcome {
  if (reply === null) return { kind: 'gone' };
  const [record = '', hostConnectionId = ''] = texts(reply);
  return { kind: 'accepted', session: decodeSession(sessionId, record), hostConnectionId };
}

/** Reads a waiting entry as `lua/shared/queue/waiting.lua` writes it. */
function decodeQueuedEntry(sessionId: string, record: string): QueuedEntry {
  const match = /^(\d+)\|(\d+)\|-?\d+\|\d\|[^|]*\|(.*)$/s.exec(record);
  if (match === null) throw new StoredFormatError('a waiting entry is not readable');
  const [, epoch, arrivedAt, meta = ''] = match;
  return {
    sessionId,
    epoch: Number(epoch),
    arrivedAtMs: toStoreMs(Number(arrivedAt)),
    meta: decodeMeta(meta),
  };
}
