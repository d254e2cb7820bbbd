import { toStoreMs } from '../../../domain/store-time.js';
import type { EndedSession, SessionRecord } from '../../contracts/session-record.js';
import { notifyOfferChange, withdrawOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';
import type { MemoryQueueEntry } from '../pool/waiting-queue.js';

/** The first missed offer sends the entry to the back of the queue; the second one ends the session. */
export function expireOffers(
  pool: PoolState,
  sessionIds: readonly string[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  for (const sessionId of sessionIds) {
    if (!pool.isExpired(sessionId, 'offered', nowMs)) continue;
    const offered = pool.sessions.get(sessionId);
    if (offered === undefined) continue;
    if (pool.waitingQueue.get(sessionId)?.missed === false) {
      requeueMissedOffer(pool, offered, nowMs);
      continue;
    }
    pool.waitingQueue.delete(sessionId);
    const connectionId = pool.releaseSlot(offered, nowMs, callerId)?.connectionId ?? null;
    const session = { ...offered, hostId: '' };
    ended.push(pool.recordEnded(session, 'reservation_expired', connectionId, nowMs, callerId));
  }
  return ended;
}

function requeueMissedOffer(pool: PoolState, offered: SessionRecord, nowMs: number): void {
  const entry = withdrawOffer(pool, offered, nowMs);
  if (entry === undefined) return;
  const missed: MemoryQueueEntry = { ...entry, missed: true, score: nowMs };
  pool.waitingQueue.add(missed);
  notifyOfferChange(pool, missed);
}

export function expireUnattendedEntries(
  pool: PoolState,
  graceMs: number,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const expired: MemoryQueueEntry[] = [];
  const running: MemoryQueueEntry[] = [];
  for (const entry of pool.waitingQueue.unattendedSince(nowMs - graceMs)) {
    if (expired.length >= limit) break;
    const known = pool.sessions.get(entry.sessionId);
    // Of some entries a host reported meanwhile that it runs their session.
    (known === undefined || known.state === 'ended' ? expired : running).push(entry);
  }
  for (const { sessionId } of [...expired, ...running]) pool.waitingQueue.delete(sessionId);
  return expired.map((entry) =>
    pool.recordEnded(toSession(entry, nowMs), 'reconnect_expired', null, nowMs, callerId),
  );
}

/** The session that an entry would have become. */
function toSession(
  { sessionId, epoch, clientBrokerId, meta }: MemoryQueueEntry,
  nowMs: number,
): SessionRecord {
  return {
    sessionId,
    epoch,
    state: 'ended',
    reason: null,
    hostId: '',
    reservedAtMs: toStoreMs(nowMs),
    clientBrokerId,
    seq: 0,
    meta,
    movable: false,
  };
}
