import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import { congestion } from '../../../domain/congestion.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { QueuedPlacement } from '../../contracts/queue.js';
import type { EndedSession, Reservation, SessionRecord } from '../../contracts/session-record.js';
import type { SessionScan } from '../../contracts/sessions.js';
import type {
  MoveCompletion,
  TargetRequirements,
  CompleteMoveOutcome,
  ReserveTargetOutcome,
  MovableChange,
} from '../../contracts/moves.js';
import type { MemoryHost } from '../hosts/memory-host.js';
import type { PoolState } from '../pool-state.js';
import { isSilent, takeSlot } from '../sessions/slot-allocation.js';

/** Holds a slot for a session that is to move here. */
export function reserveTargetSlot(
  place: PoolState,
  { sessionId, epoch, clientBrokerId, meta }: Reservation,
  wish: TargetRequirements,
  ttlMs: number,
  nowMs: number,
): ReserveTargetOutcome {
  const arrivalId = targetReservationIdOf(sessionId);
  const known = place.sessions.get(arrivalId);
  if (known !== undefined && (known.state !== 'ended' || known.epoch >= epoch)) return { kind: 'over' };
  if (place.closure !== 'open') return { kind: 'closed' };
  const host = findTargetHost(place, wish, nowMs);
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
function findTargetHost(
  place: PoolState,
  { avoidHostId, maxCongestion }: TargetRequirements,
  nowMs: number,
): MemoryHost | undefined {
  for (;;) {
    const least = place.freeHosts.leastCongested();
    const host =
      least?.hostId === avoidHostId && !isSilent(place, least, nowMs)
        ? place.freeHosts.secondLeastCongested()
        : least;
    if (host === undefined) return undefined;
    if (!isSilent(place, host, nowMs)) return congestion(host) <= maxCongestion ? host : undefined;
    place.setState(host, nextHostState(host.state, 'late'));
  }
}

/** A session that moves here has arrived. */
export function completeMove(
  place: PoolState,
  report: MoveCompletion,
  ttlMs: number,
  nowMs: number,
  callerId: string,
): CompleteMoveOutcome {
  const { sessionId, epoch, hostId, state } = report;
  const arrival = place.sessions.get(targetReservationIdOf(sessionId));
  if (arrival?.epoch !== epoch || arrival.hostId !== hostId) return { kind: 'unknown' };
  if (arrival.state === 'ended') return { kind: 'over', reason: arrival.reason ?? 'error' };
  const known = place.sessions.get(sessionId);
  const wasClaimed = known !== undefined && known.state !== 'ended' && known.state !== 'reserved';
  if (state === 'reserved' && wasClaimed) return { kind: 'unknown' };
  const isOutdated = known !== undefined && known.epoch >= epoch;
  if (isOutdated || place.isExpired(arrival.sessionId, 'arriving', nowMs)) {
    const reason = isOutdated ? 'superseded' : 'move_failed';
    place.endSession(arrival, reason, nowMs, callerId);
    return { kind: 'over', reason };
  }
  const session = moveIntoTargetSlot(place, report, arrival, nowMs + ttlMs, { nowMs, callerId });
  return { kind: 'arrived', session };
}

/** Gives a session the slot that is held as its arrival. What it had in this place it leaves. */
function moveIntoTargetSlot(
  place: PoolState,
  { sessionId, state, clientBrokerId }: MoveCompletion,
  arrival: SessionRecord,
  reservedUntilMs: number,
  { nowMs, callerId }: { readonly nowMs: number; readonly callerId: string },
): SessionRecord {
  const host = place.hosts.get(arrival.hostId);
  const known = place.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') place.freeSlot(known, nowMs, callerId);
  place.deleteSession(sessionId);
  place.waitingQueue.delete(sessionId);
  const session: SessionRecord = {
    ...arrival,
    sessionId,
    state,
    clientBrokerId: known?.clientBrokerId ?? clientBrokerId,
    movable: false,
  };
  if (host === undefined) return session;
  place.discardSlotHolder(host, arrival);
  place.saveLiveSession(host, session, state === 'reserved' ? reservedUntilMs : null);
  place.addChangedSession(session.clientBrokerId, sessionId, callerId);
  place.addChangedSession(host.brokerId, sessionId, callerId);
  return session;
}

/** Gives up a move, unless the session has arrived. */
export function releaseTargetSlot(
  place: PoolState,
  sessionId: string,
  epoch: number,
  nowMs: number,
  callerId: string,
): EndedSession | null {
  const arrival = place.sessions.get(targetReservationIdOf(sessionId));
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch) return null;
  return place.endSession(arrival, 'move_failed', nowMs, callerId);
}

export function recordMovableChanges(place: PoolState, notes: readonly MovableChange[]): void {
  for (const { hostId, sessionId, epoch, movable } of notes) {
    const known = place.sessions.get(sessionId);
    if (known === undefined || known.state === 'ended') continue;
    if (known.hostId === hostId && known.epoch === epoch) place.sessions.update({ ...known, movable });
  }
}

/** By the order of ids, so that what comes and goes meanwhile moves nobody to and fro. */
export function scanSessions(place: PoolState, cursor: string | null, count: number): SessionScan {
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

export function listWaitingPlacements(place: PoolState, limit: number): QueuedPlacement[] {
  return place.waitingQueue
    .listFirst(limit)
    .map(({ sessionId, epoch, arrivedAtMs, meta }) => ({ sessionId, epoch, arrivedAtMs, meta }));
}
