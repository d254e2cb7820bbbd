import type { EndReason } from '@duskline/protocol/vocabulary';
import { INBOX_KEPT_MS } from '../../contracts/inbox.js';
import type { EndedSession } from '../../contracts/session-record.js';
import type { PoolState } from '../pool/pool-state.js';

export function expireSessions(
  pool: PoolState,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const endExpired = (state: 'reserved' | 'arriving' | 'disconnected', reason: EndReason): EndedSession[] =>
    pool.expiryLists[state]
      .expiredBy(nowMs, limit)
      .flatMap((sessionId) => pool.sessions.get(sessionId) ?? [])
      .map((session) => pool.endSession(session, reason, nowMs, callerId));
  return [
    ...endExpired('reserved', 'reservation_expired'),
    ...endExpired('arriving', 'move_failed'),
    ...endExpired('disconnected', 'reconnect_expired'),
  ];
}

/** Deletes expired inboxes as well. */
export function deleteEndedSessions(pool: PoolState, limit: number, nowMs: number): number {
  const expired = pool.expiryLists.ended.expiredBy(nowMs, limit);
  for (const sessionId of expired) pool.deleteSession(sessionId);
  for (const [brokerId, { firstAtMs }] of pool.changedSessions) {
    if (nowMs - firstAtMs > INBOX_KEPT_MS) pool.changedSessions.delete(brokerId);
  }
  pool.inboxes.deleteExpired(nowMs);
  return expired.length;
}
