import type { EndedSession, SessionRecord } from '../../fleet-store.js';
import type { PoolState } from '../pool/pool-state.js';
import type { WaitingEntry } from '../pool/waiting-queue.js';

/** Placements whose offers ran out, the oldest first. */
export function findExpiredOffers(place: PoolState, limit: number, nowMs: number): string[] {
  return place.expiryLists.offered.expiredBy(nowMs, limit);
}

/** They missed an offer in another place. */
export function recordMissedOffers(place: PoolState, sessionIds: readonly string[]): void {
  for (const sessionId of sessionIds) place.waitingQueue.update(sessionId, { missed: true });
}

/** A missed offer costs the place in the queue once; the second one ends the session. */
export function expireOffers(
  place: PoolState,
  sessionIds: readonly string[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  for (const sessionId of sessionIds) {
    if (!place.isExpired(sessionId, 'offered', nowMs)) continue;
    const offered = place.sessions.get(sessionId);
    if (offered === undefined) continue;
    if (place.waitingQueue.get(sessionId)?.missed === false) {
      requeueMissedOffer(place, offered, nowMs);
      continue;
    }
    place.waitingQueue.delete(sessionId);
    const connectionId = place.freeSlot(offered, nowMs, callerId)?.connectionId ?? null;
    const missed = { ...offered, hostId: '' };
    ended.push(place.recordEnded(missed, 'reservation_expired', connectionId, nowMs, callerId));
  }
  return ended;
}

function requeueMissedOffer(place: PoolState, offered: SessionRecord, nowMs: number): void {
  const entry = place.withdrawOffer(offered, nowMs);
  if (entry === undefined) return;
  const missed: WaitingEntry = { ...entry, missed: true, score: nowMs };
  place.waitingQueue.add(missed);
  place.notifyOfferChange(missed);
}

/** Placements that nobody attended end. */
export function expireUnattendedPlacements(
  place: PoolState,
  graceMs: number,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const lapsed: WaitingEntry[] = [];
  const running: WaitingEntry[] = [];
  for (const entry of place.waitingQueue.unattendedSince(nowMs - graceMs)) {
    if (lapsed.length >= limit) break;
    const known = place.sessions.get(entry.sessionId);
    // Of some their host reported meanwhile that they run.
    (known === undefined || known.state === 'ended' ? lapsed : running).push(entry);
  }
  for (const { sessionId } of [...lapsed, ...running]) place.waitingQueue.delete(sessionId);
  return lapsed.map(({ sessionId, epoch, clientBrokerId, meta }) => {
    const session: SessionRecord = {
      sessionId,
      epoch,
      state: 'ended',
      reason: null,
      hostId: '',
      reservedAtMs: nowMs,
      clientBrokerId,
      meta,
      movable: false,
    };
    return place.recordEnded(session, 'reconnect_expired', null, nowMs, callerId);
  });
}
