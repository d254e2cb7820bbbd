import { msBetween, toStoreMs } from '../../../domain/store-time.js';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import { nextHostState } from '../../../domain/host-state.js';
import { isHeld, isReversible, type StoredState } from '../../../domain/session-state.js';
import type { Reconciliation, ReportedSession } from '../../contracts/hosts.js';
import type { EndedSession, SessionRecord } from '../../contracts/session-record.js';
import type { MemoryHost } from '../pool/memory-host.js';
import { requeueOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';

/** See `HostStore.reconcileHost`. The host decides which sessions it holds, the store which sessions have ended. */
export function reconcileHost(
  pool: PoolState,
  from: { readonly hostId: string; readonly connectionId: string },
  reported: readonly ReportedSession[],
  nowMs: number,
): Reconciliation {
  const host = pool.hosts.get(from.hostId);
  if (host === undefined)
    return { outcome: 'unknown', ended: [], rejected: [], adopted: [], returned: [], arriving: [] };
  if (host.connectionId !== from.connectionId) {
    return { outcome: 'replaced', ended: [], rejected: [], adopted: [], returned: [], arriving: [] };
  }
  const callerId = brokerIdOf(from.connectionId);
  const ended: EndedSession[] = [];
  const end = (session: SessionRecord): void => {
    ended.push(pool.endSession(session, 'host_lost', nowMs, callerId));
  };

  // With their target reservations: those of reported sessions must not lose their slots.
  const listed = new Set(reported.flatMap(({ sessionId }) => [sessionId, targetReservationIdOf(sessionId)]));
  const unlisted = pool.listHostSessions(host).filter((session) => !listed.has(session.sessionId));
  unlisted.filter((session) => isHeld(session.state)).forEach(end);
  // Running sessions that the store has lost take their slots, the last one first.
  const unclaimed = unlisted.filter((session) => !isHeld(session.state)).sort(byPrecedence);
  const endUnclaimed = (session: SessionRecord): void => {
    if (session.state === 'offered') requeueOffer(pool, session, nowMs);
    else end(session);
  };
  const makeRoom = (): boolean => {
    if (!hasRoom(host)) unclaimed.splice(-1).forEach(endUnclaimed);
    return hasRoom(host);
  };

  // Reservations that do not fit any more: the host has fewer slots than before.
  while (host.committed > host.slots && unclaimed.length > 0) unclaimed.splice(-1).forEach(endUnclaimed);
  // A player who was only offered a slot waits on if a session that has lost its host needs it.
  const lacksSlots = (): boolean => host.slots - host.committed < pool.lostSessions.count(nowMs);
  while (lacksSlots() && unclaimed.at(-1)?.state === 'offered') unclaimed.splice(-1).forEach(endUnclaimed);

  const rejected: { sessionId: string; epoch: number; reason: EndReason }[] = [];
  const adopted: SessionRecord[] = [];
  const returned: SessionRecord[] = [];
  const arriving: string[] = [];
  for (const session of reported) {
    const known = pool.sessions.get(session.sessionId);
    const targetReservation = targetReservationOf(pool, host, known, session);
    if (targetReservation?.state === 'arriving') {
      arriving.push(session.sessionId);
      continue;
    }
    const verdict =
      targetReservation === undefined
        ? decideReportedSession(host, known, session, makeRoom)
        : (targetReservation.reason ?? 'error');
    if (verdict === 'same') continue;
    if (verdict === 'adopt') {
      const now = adoptSession(pool, host, known, session, nowMs, callerId);
      adopted.push(now);
      if (known?.state === 'ended') returned.push(now);
    } else {
      rejected.push({ sessionId: session.sessionId, epoch: session.epoch, reason: verdict });
    }
  }
  // A host that was joining is known by now. Its slots are free for sessions that it has lost, unless it still holds sessions that it
  // has to end.
  if (host.state === 'joining' && rejected.length === 0) {
    pool.setState(host, nextHostState(host.state, 'heartbeat'));
  }
  return { outcome: 'ok', ended, rejected, adopted, returned, arriving };
}

/** The target reservation of a session that moves to the host, if the host reports that epoch. */
function targetReservationOf(
  pool: PoolState,
  host: MemoryHost,
  known: SessionRecord | undefined,
  { sessionId, epoch }: ReportedSession,
): SessionRecord | undefined {
  const target = pool.sessions.get(targetReservationIdOf(sessionId));
  if (target?.hostId !== host.hostId || target.epoch !== epoch) return undefined;
  return known !== undefined && known.epoch >= epoch ? undefined : target;
}

/** Whether the store adopts a reported session, knows it in the same state, or rejects it for a reason. */
function decideReportedSession(
  host: MemoryHost,
  known: SessionRecord | undefined,
  reported: ReportedSession,
  makeRoom: () => boolean,
): 'adopt' | 'same' | EndReason {
  if (known === undefined) return makeRoom() ? 'adopt' : 'error';
  if (known.state === 'ended') {
    const reason = known.reason ?? 'error';
    const mayKeep = isReversible(reason) && reported.epoch === known.epoch && hasRoom(host);
    // A newer epoch than the one that ended belongs to an assignment that the store has lost.
    const keeps = reported.epoch > known.epoch ? makeRoom() : mayKeep;
    return keeps ? 'adopt' : reason;
  }
  if (known.hostId === host.hostId && reported.epoch >= known.epoch) {
    return known.epoch === reported.epoch && known.state === reported.state ? 'same' : 'adopt';
  }
  return reported.epoch > known.epoch && makeRoom() ? 'adopt' : 'superseded';
}

function adoptSession(
  pool: PoolState,
  host: MemoryHost,
  known: SessionRecord | undefined,
  { sessionId, epoch, state }: ReportedSession,
  nowMs: number,
  callerId: string,
): SessionRecord {
  if (known !== undefined && known.state !== 'ended' && known.hostId !== host.hostId) {
    pool.releaseSlot(known, nowMs, callerId);
    // Its expiry on the other host does not count on this one.
    pool.deleteSession(sessionId);
  }
  if (known?.state === 'reserved' && known.hostId === host.hostId) pool.hostFailures.delete(host.hostId);
  // A session that runs does not wait any more.
  pool.waitingQueue.delete(sessionId);
  pool.lostSessions.delete(sessionId);
  const session: SessionRecord = {
    sessionId,
    epoch,
    state,
    reason: null,
    hostId: host.hostId,
    reservedAtMs: known?.reservedAtMs ?? toStoreMs(nowMs),
    clientBrokerId: known?.clientBrokerId ?? '',
    seq: known?.seq ?? 0,
    meta: known?.meta ?? null,
    movable: known?.movable ?? false,
  };
  pool.saveLiveSession(host, session, null);
  pool.addChangedSession(session.clientBrokerId, sessionId, callerId);
  return session;
}

/** Which session keeps its slot first, by its state: an offer gives way first, then the target of a move, whose session runs elsewhere. */
const PRECEDENCE: readonly StoredState[] = ['reserved', 'arriving', 'offered'];

/** Of equal ones, the one whose slot was reserved first comes first. */
function byPrecedence(a: SessionRecord, b: SessionRecord): number {
  return (
    PRECEDENCE.indexOf(a.state) - PRECEDENCE.indexOf(b.state) ||
    msBetween(b.reservedAtMs, a.reservedAtMs) ||
    (a.sessionId < b.sessionId ? -1 : 1)
  );
}

function hasRoom(host: MemoryHost): boolean {
  return host.committed < host.slots;
}
