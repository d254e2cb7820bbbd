import { isReversible } from '../../../domain/session-state.js';
import { toStoreMs, toUnixMs } from '../../../domain/store-time.js';
import type {
  AcceptOfferOutcome,
  EnqueueOutcome,
  OfferAcceptance,
  QueueEntryStatus,
  QueueStatus,
  QueueStore,
  NewQueueEntry,
  Withdrawal,
} from '../../contracts/queue.js';
import type { EndedSession, SessionRecord } from '../../contracts/session-record.js';
import { offerFreeSlots, withdrawOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';
import { assignClientBroker } from '../sessions/assign-client-broker.js';
import { expireOffers, expireUnattendedEntries } from './expire-entries.js';

/** Queues in memory. */
export function createMemoryQueue(pools: RegionPools): QueueStore {
  return {
    enqueue: async (regionPool, entries, maxLength) =>
      enqueue(pools.get(regionPool), entries, maxLength, pools.now()),

    getQueueStatus: async (regionPool, sessionIds, attended) =>
      getQueueStatus(pools.get(regionPool), sessionIds, attended, pools.now()),

    acceptOffer: async (regionPool, offer, ttlMs) =>
      acceptOffer(pools.get(regionPool), offer, ttlMs, pools.now()),

    withdrawEntries: async (regionPool, withdrawals, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        withdrawals.flatMap((withdrawal) => withdraw(pool, withdrawal, nowMs, callerId)),
      ),

    findExpiredOffers: async (regionPool, limit) =>
      pools.get(regionPool).expiryLists.offered.expiredBy(pools.now(), limit),

    recordMissedOffers: async (regionPool, sessionIds) => {
      const { waitingQueue } = pools.get(regionPool);
      for (const sessionId of sessionIds) waitingQueue.update(sessionId, { missed: true });
    },

    expireOffers: async (regionPool, sessionIds, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => expireOffers(pool, sessionIds, nowMs, callerId)),

    expireUnattendedEntries: async (regionPool, graceMs, limit, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        expireUnattendedEntries(pool, graceMs, limit, nowMs, callerId),
      ),

    listQueuedEntries: async (regionPool, limit) =>
      pools
        .get(regionPool)
        .waitingQueue.listFirst(limit)
        .map(({ sessionId, epoch, arrivedAtMs, meta }) => ({ sessionId, epoch, arrivedAtMs, meta })),

    scanQueue: async (regionPool, cursor, count) => pools.get(regionPool).waitingQueue.scan(cursor, count),
  };
}

/** Puts entries into the queue in their order, and then offers free slots. */
function enqueue(
  pool: PoolState,
  entries: readonly NewQueueEntry[],
  maxLength: number,
  nowMs: number,
): EnqueueOutcome[] {
  const outcomes = entries.map((entry) => joinQueue(pool, entry, maxLength, nowMs));
  offerFreeSlots(pool, nowMs);
  return entries.map(({ sessionId }, i): EnqueueOutcome => {
    const session = pool.sessions.get(sessionId);
    if (session?.state === 'offered') return { kind: 'existing', session };
    return outcomes[i] ?? { kind: 'queue_full' };
  });
}

function joinQueue(pool: PoolState, entry: NewQueueEntry, maxLength: number, nowMs: number): EnqueueOutcome {
  const { sessionId, epoch, headStartMs, missed, clientBrokerId, meta } = entry;
  const known = pool.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') {
    return { kind: 'existing', session: known.state === 'offered' ? keepOffer(pool, known, entry) : known };
  }
  if (known !== undefined && known.epoch >= epoch) return { kind: 'over', reason: known.reason ?? 'error' };
  if (pool.closures.length > 0) return { kind: 'closed' };

  // A slot may be kept for it as for a lost session. Now it waits for its turn.
  pool.lostSessions.delete(sessionId);
  const waiting = pool.waitingQueue.getQueued(sessionId);
  if (waiting !== undefined) {
    pool.waitingQueue.update(sessionId, {
      missed: waiting.missed || missed,
      // A later attempt of the request has the entry: another connection of its player resumed it.
      ...(waiting.epoch > epoch ? {} : { epoch, clientBrokerId, meta }),
    });
    pool.waitingQueue.markAttended(sessionId, nowMs);
    return { kind: 'waiting', arrivedAtMs: waiting.arrivedAtMs };
  }
  if (pool.waitingQueue.length >= maxLength) return { kind: 'queue_full' };
  const arrivedAtMs = entry.arrivedAtMs ?? toStoreMs(nowMs);
  const score = toUnixMs(arrivedAtMs) - headStartMs;
  pool.waitingQueue.add({ sessionId, epoch, arrivedAtMs, score, missed, clientBrokerId, meta });
  pool.waitingQueue.markAttended(sessionId, nowMs);
  return { kind: 'waiting', arrivedAtMs };
}

/** Records the broker of an entry that has an offer, unless a later attempt of the request has it. */
function keepOffer(
  pool: PoolState,
  offered: SessionRecord,
  { sessionId, epoch, clientBrokerId }: NewQueueEntry,
): SessionRecord {
  const entry = pool.waitingQueue.get(sessionId);
  if (entry !== undefined && entry.epoch > epoch) return offered;
  pool.waitingQueue.update(sessionId, { epoch });
  return assignClientBroker(pool, offered, clientBrokerId);
}

function getQueueStatus(
  pool: PoolState,
  sessionIds: readonly string[],
  attended: boolean,
  nowMs: number,
): QueueStatus {
  const { waitingQueue, sessions, freedRate } = pool;
  const positions = waitingQueue.positions(sessionIds);
  const entries = sessionIds.map((sessionId): QueueEntryStatus => {
    const entry = waitingQueue.get(sessionId);
    if (attended && entry !== undefined) waitingQueue.markAttended(sessionId, nowMs);
    const ahead = positions.get(sessionId);
    if (entry !== undefined && ahead !== undefined) {
      const { arrivedAtMs, clientBrokerId, missed, meta } = entry;
      return { kind: 'waiting', ahead, arrivedAtMs, clientBrokerId, title: meta.title, missed };
    }
    const session = sessions.get(sessionId);
    return session === undefined ? { kind: 'unknown' } : { kind: 'session', session };
  });
  return { entries, length: waitingQueue.length, freedPerMs: freedRate.measure(nowMs) };
}

function acceptOffer(
  pool: PoolState,
  { sessionId, fromEpoch, toEpoch, clientBrokerId }: OfferAcceptance,
  ttlMs: number,
  nowMs: number,
): AcceptOfferOutcome {
  const known = pool.sessions.get(sessionId);
  const host = pool.hosts.get(known?.hostId ?? '');
  if (known === undefined || host === undefined || known.state === 'ended') return { kind: 'gone' };
  const hostConnectionId = host.connectionId;
  if (known.state !== 'offered') {
    // The offer was accepted before, and the caller did not get the answer.
    return known.epoch === toEpoch
      ? { kind: 'accepted', session: known, hostConnectionId }
      : { kind: 'gone' };
  }
  if (known.epoch !== fromEpoch) return { kind: 'gone' };
  const session: SessionRecord = {
    ...known,
    state: 'reserved',
    epoch: toEpoch,
    reservedAtMs: toStoreMs(nowMs),
    clientBrokerId,
  };
  pool.waitingQueue.delete(sessionId);
  pool.saveLiveSession(host, session, nowMs + ttlMs);
  pool.addChangedSession(host.brokerId, sessionId, clientBrokerId);
  return { kind: 'accepted', session, hostConnectionId };
}

function withdraw(
  pool: PoolState,
  { sessionId, belowEpoch }: Withdrawal,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  pool.waitingQueue.delete(sessionId);
  pool.lostSessions.delete(sessionId);
  const known = pool.sessions.get(sessionId);
  if (known === undefined) return [];
  if (known.state === 'offered') {
    withdrawOffer(pool, known, nowMs);
    return [];
  }
  if (known.epoch >= belowEpoch) return [];
  if (known.state !== 'ended') return [pool.endSession(known, 'superseded', nowMs, callerId)];
  if (isReversible(known.reason)) {
    pool.sessions.update({ ...known, reason: 'superseded' });
  }
  return [];
}
