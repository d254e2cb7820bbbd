import { targetReservationIdOf } from '../../domain/target-reservation.js';
import { congestion } from '../../domain/congestion.js';
import { nextHostState } from '../../domain/host-state.js';
import type { EndedSession, Reservation, SessionRecord } from '../fleet-store.js';
import type {
  ArrivalReport,
  ArrivalWish,
  ArriveOutcome,
  HoldOutcome,
  MovableNote,
  SessionScan,
  WaitingRecord,
} from '../move-desk.js';
import type { MemoryHost } from './memory-host.js';
import type { PlaceState } from './place-state.js';
import { isSilent, takeSlot } from './placements.js';

/** Holds a slot for a session that is to move here. */
export function hold(
  place: PlaceState,
  { sessionId, epoch, clientBrokerId, meta }: Reservation,
  wish: ArrivalWish,
  ttlMs: number,
  nowMs: number,
): HoldOutcome {
  const arrivalId = targetReservationIdOf(sessionId);
  const known = place.sessions.get(arrivalId);
  if (known !== undefined && (known.state !== 'ended' || known.epoch >= epoch)) return { kind: 'over' };
  if (place.closure !== 'open') return { kind: 'closed' };
  const host = findHost(place, wish, nowMs);
  if (host === undefined) return { kind: 'full' };
  const { hostId, connectionId } = host;
  takeSlot(
    place,
    host,
    { sessionId: arrivalId, epoch, clientBrokerId, meta },
    'arriving',
    nowMs,
    nowMs + ttlMs,
  );
  return { kind: 'held', hostId, hostConnectionId: connectionId };
}

/** The least congested host that will do. A silent one turns suspect when its turn comes, and is passed over. */
function findHost(
  place: PlaceState,
  { avoidHostId, maxCongestion }: ArrivalWish,
  nowMs: number,
): MemoryHost | undefined {
  for (;;) {
    const least = place.free.least();
    const host =
      least?.hostId === avoidHostId && !isSilent(place, least, nowMs) ? place.free.second() : least;
    if (host === undefined) return undefined;
    if (!isSilent(place, host, nowMs)) return congestion(host) <= maxCongestion ? host : undefined;
    place.setState(host, nextHostState(host.state, 'late'));
  }
}

/** A session that moves here has arrived. */
export function arrive(
  place: PlaceState,
  report: ArrivalReport,
  ttlMs: number,
  nowMs: number,
  callerId: string,
): ArriveOutcome {
  const { sessionId, epoch, hostId, state } = report;
  const arrival = place.sessions.get(targetReservationIdOf(sessionId));
  if (arrival?.epoch !== epoch || arrival.hostId !== hostId) return { kind: 'unknown' };
  if (arrival.state === 'ended') return { kind: 'over', reason: arrival.reason ?? 'error' };
  const known = place.sessions.get(sessionId);
  const wasClaimed = known !== undefined && known.state !== 'ended' && known.state !== 'reserved';
  if (state === 'reserved' && wasClaimed) return { kind: 'unknown' };
  const isOutdated = known !== undefined && known.epoch >= epoch;
  if (isOutdated || place.isDue(arrival.sessionId, 'arriving', nowMs)) {
    const reason = isOutdated ? 'superseded' : 'move_failed';
    place.end(arrival, reason, nowMs, callerId);
    return { kind: 'over', reason };
  }
  const session = settle(place, report, arrival, nowMs + ttlMs, { nowMs, callerId });
  return { kind: 'arrived', session };
}

/** Gives a session the slot that is held as its arrival. What it had in this place it leaves. */
function settle(
  place: PlaceState,
  { sessionId, state, clientBrokerId }: ArrivalReport,
  arrival: SessionRecord,
  reservedUntilMs: number,
  { nowMs, callerId }: { readonly nowMs: number; readonly callerId: string },
): SessionRecord {
  const host = place.hosts.get(arrival.hostId);
  const known = place.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') place.leave(known, nowMs, callerId);
  place.forgetSession(sessionId);
  place.line.forget(sessionId);
  const session: SessionRecord = {
    ...arrival,
    sessionId,
    state,
    clientBrokerId: known?.clientBrokerId ?? clientBrokerId,
    movable: false,
  };
  if (host === undefined) return session;
  place.vacate(host, arrival);
  place.putLive(host, session, state === 'reserved' ? reservedUntilMs : null);
  place.post(session.clientBrokerId, sessionId, callerId);
  place.post(host.brokerId, sessionId, callerId);
  return session;
}

/** Gives up a move, unless the session has arrived. */
export function dropArrival(
  place: PlaceState,
  sessionId: string,
  epoch: number,
  nowMs: number,
  callerId: string,
): EndedSession | null {
  const arrival = place.sessions.get(targetReservationIdOf(sessionId));
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch) return null;
  return place.end(arrival, 'move_failed', nowMs, callerId);
}

export function noteMovable(place: PlaceState, notes: readonly MovableNote[]): void {
  for (const { hostId, sessionId, epoch, movable } of notes) {
    const known = place.sessions.get(sessionId);
    if (known === undefined || known.state === 'ended') continue;
    if (known.hostId === hostId && known.epoch === epoch) place.sessions.rewrite({ ...known, movable });
  }
}

/** By the order of ids, so that what comes and goes meanwhile moves nobody to and fro. */
export function scanSessions(place: PlaceState, cursor: string | null, count: number): SessionScan {
  const ids = place.sessions.ids().sort();
  const from = cursor === null ? 0 : ids.findIndex((id) => id > cursor);
  const part = from < 0 ? [] : ids.slice(from, from + count);
  const last = part.at(-1);
  const isOver = from < 0 || from + count >= ids.length;
  return {
    sessions: part.flatMap((id) => place.sessions.get(id) ?? []),
    next: isOver || last === undefined ? null : last,
  };
}

export function listWaiting(place: PlaceState, limit: number): WaitingRecord[] {
  return place.line
    .inOrder(limit)
    .map(({ sessionId, epoch, arrivedAtMs, meta }) => ({ sessionId, epoch, arrivedAtMs, meta }));
}
