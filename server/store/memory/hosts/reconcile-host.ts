import type { EndReason } from '@duskline/protocol/vocabulary';
import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import { isHeld } from '../../../domain/session-state.js';
import {
  REVOCABLE_REASONS,
  type EndedSession,
  type Reconciliation,
  type ReportedSession,
  type SessionRecord,
} from '../../fleet-store.js';
import type { MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';

/** See `FleetStore.reconcile`: the host is the truth about what it holds, the store about what has ended. */
export function reconcileHost(
  place: PoolState,
  from: { readonly hostId: string; readonly connectionId: string },
  reported: readonly ReportedSession[],
  nowMs: number,
): Reconciliation {
  const host = place.hosts.get(from.hostId);
  if (host === undefined) return { outcome: 'unknown', ended: [], rejected: [], adopted: [], arriving: [] };
  if (host.connectionId !== from.connectionId) {
    return { outcome: 'replaced', ended: [], rejected: [], adopted: [], arriving: [] };
  }
  const callerId = brokerIdOf(from.connectionId);
  const ended: EndedSession[] = [];
  const end = (session: SessionRecord): void => {
    ended.push(place.endSession(session, 'host_lost', nowMs, callerId));
  };

  // Arrivals, too: those of sessions that are reported do not give way.
  const listed = new Set(reported.flatMap(({ sessionId }) => [sessionId, targetReservationIdOf(sessionId)]));
  const unlisted = place.listHostSessions(host).filter((session) => !listed.has(session.sessionId));
  unlisted.filter((session) => isHeld(session.state)).forEach(end);
  // They give way, the last first, to sessions that run and that the store has lost.
  const unclaimed = unlisted.filter((session) => !isHeld(session.state));
  const giveWay = (session: SessionRecord): void => {
    if (session.state === 'offered') place.requeueOffer(session, nowMs);
    else end(session);
  };
  const makeRoom = (): boolean => {
    if (!hasRoom(host)) unclaimed.splice(-1).forEach(giveWay);
    return hasRoom(host);
  };

  const rejected: { sessionId: string; epoch: number; reason: EndReason }[] = [];
  const adopted: string[] = [];
  const arriving: string[] = [];
  for (const session of reported) {
    const known = place.sessions.get(session.sessionId);
    const arrival = targetReservationOf(place, host, known, session);
    if (arrival?.state === 'arriving') {
      arriving.push(session.sessionId);
      continue;
    }
    const verdict =
      arrival === undefined
        ? decideReportedSession(host, known, session, makeRoom)
        : (arrival.reason ?? 'error');
    if (verdict === 'same') continue;
    if (verdict === 'adopt') {
      adoptSession(place, host, known, session, nowMs, callerId);
      adopted.push(session.sessionId);
    } else {
      rejected.push({ sessionId: session.sessionId, epoch: session.epoch, reason: verdict });
    }
  }
  return { outcome: 'ok', ended, rejected, adopted, arriving };
}

/** What was held on the host for a session that moves there, if the host speaks of that assignment. */
function targetReservationOf(
  place: PoolState,
  host: MemoryHost,
  known: SessionRecord | undefined,
  { sessionId, epoch }: ReportedSession,
): SessionRecord | undefined {
  const arrival = place.sessions.get(targetReservationIdOf(sessionId));
  if (arrival?.hostId !== host.hostId || arrival.epoch !== epoch) return undefined;
  return known !== undefined && known.epoch >= epoch ? undefined : arrival;
}

/** Whether the store takes over what the host says, has it already, or refuses it for a reason. */
function decideReportedSession(
  host: MemoryHost,
  known: SessionRecord | undefined,
  reported: ReportedSession,
  makeRoom: () => boolean,
): 'adopt' | 'same' | EndReason {
  if (known === undefined) return makeRoom() ? 'adopt' : 'error';
  if (known.state === 'ended') {
    const reason = known.reason ?? 'error';
    const revocable = REVOCABLE_REASONS.includes(reason) && reported.epoch === known.epoch;
    // An assignment newer than the one that ended is one that the store has lost.
    const keeps = reported.epoch > known.epoch ? makeRoom() : revocable && hasRoom(host);
    return keeps ? 'adopt' : reason;
  }
  if (known.hostId === host.hostId && reported.epoch >= known.epoch) {
    return known.epoch === reported.epoch && known.state === reported.state ? 'same' : 'adopt';
  }
  return reported.epoch > known.epoch && makeRoom() ? 'adopt' : 'superseded';
}

function adoptSession(
  place: PoolState,
  host: MemoryHost,
  known: SessionRecord | undefined,
  { sessionId, epoch, state }: ReportedSession,
  nowMs: number,
  callerId: string,
): void {
  if (known !== undefined && known.state !== 'ended' && known.hostId !== host.hostId) {
    place.freeSlot(known, nowMs, callerId);
    // On this host it is due anew, whatever it was before.
    place.deleteSession(sessionId);
  }
  // What runs waits no more.
  place.waitingQueue.delete(sessionId);
  const session: SessionRecord = {
    sessionId,
    epoch,
    state,
    reason: null,
    hostId: host.hostId,
    reservedAtMs: known?.reservedAtMs ?? nowMs,
    clientBrokerId: known?.clientBrokerId ?? '',
    meta: known?.meta ?? null,
    movable: known?.movable ?? false,
  };
  place.saveLiveSession(host, session, null);
  place.addChangedSession(session.clientBrokerId, sessionId, callerId);
}

function hasRoom(host: MemoryHost): boolean {
  return host.committed < host.slots;
}
