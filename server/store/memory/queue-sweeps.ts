import type { EndedSession, SessionRecord } from '../fleet-store.js';
import type { PlaceState } from './place-state.js';
import type { WaitingEntry } from './waiting-line.js';

/** Placements whose offers ran out, the oldest first. */
export function findMissed(place: PlaceState, limit: number, nowMs: number): string[] {
  return place.dues.offered.dueBy(nowMs, limit);
}

/** They missed an offer in another place. */
export function noteMissed(place: PlaceState, sessionIds: readonly string[]): void {
  for (const sessionId of sessionIds) place.line.note(sessionId, { missed: true });
}

/** A missed offer costs the place in the queue once; the second one ends the session. */
export function expireOffers(
  place: PlaceState,
  sessionIds: readonly string[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  for (const sessionId of sessionIds) {
    if (!place.isDue(sessionId, 'offered', nowMs)) continue;
    const offered = place.sessions.get(sessionId);
    if (offered === undefined) continue;
    if (place.line.get(sessionId)?.missed === false) {
      missOffer(place, offered, nowMs);
      continue;
    }
    place.line.forget(sessionId);
    const connectionId = place.leave(offered, nowMs, callerId)?.connectionId ?? null;
    const missed = { ...offered, hostId: '' };
    ended.push(place.bury(missed, 'reservation_expired', connectionId, nowMs, callerId));
  }
  return ended;
}

function missOffer(place: PlaceState, offered: SessionRecord, nowMs: number): void {
  const entry = place.takeBack(offered, nowMs);
  if (entry === undefined) return;
  const missed: WaitingEntry = { ...entry, missed: true, score: nowMs };
  place.line.join(missed);
  place.call(missed);
}

/** Placements that nobody attended end. */
export function expireQueue(
  place: PlaceState,
  graceMs: number,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const lapsed: WaitingEntry[] = [];
  const running: WaitingEntry[] = [];
  for (const entry of place.line.unattendedSince(nowMs - graceMs)) {
    if (lapsed.length >= limit) break;
    const known = place.sessions.get(entry.sessionId);
    // Of some their host reported meanwhile that they run.
    (known === undefined || known.state === 'ended' ? lapsed : running).push(entry);
  }
  for (const { sessionId } of [...lapsed, ...running]) place.line.forget(sessionId);
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
    return place.bury(session, 'reconnect_expired', null, nowMs, callerId);
  });
}
