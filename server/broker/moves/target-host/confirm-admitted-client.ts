import { listedOf } from '../../../domain/host-session/host-session.js';
import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import { regionPoolName, type RegionPool } from '../../../domain/catalog.js';
import type { ReportedSession, SessionMeta, SessionRecord } from '../../../store/fleet-store.js';
import type { HostConnection } from '../../connections/connections.js';
import { dispatchToHost } from '../../messaging/notify-host.js';
import { notifyAllOfEnd, notifyAllOfChange } from '../../messaging/session-events.js';
import { decodeMatch } from '../../sessions/match-details.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { assignRequestToTarget, completeMove } from './complete-move.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

/**
 * Handles a report about a session that the store does not have on this host: the host may have admitted its client in a
 * move. The move is then completed, or the session ended on the host.
 *
 * @param restored whether the host has restored the session from its checkpoint; a host that has restarted since has not
 * @returns whether the session was moving to this host, so that the report needs no other handling
 */
export async function confirmAdmittedClient(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  report: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { pendingConfirmations: pendingArrivals } = context.activeMoves;
  const { sessionId } = report;
  // A host may report several states of a session before the store has answered the first report.
  const before = pendingArrivals.get(sessionId);
  if (before !== undefined) return before;
  const confirmation = decideReport(context, host, report, restored);
  pendingArrivals.set(sessionId, confirmation);
  try {
    const wasMoving = await confirmation;
    if (wasMoving) await storeLaterState(context, host, report);
    return wasMoving;
  } finally {
    pendingArrivals.delete(sessionId);
  }
}

/** Stores the state that the host reported while its earlier report was being handled. */
async function storeLaterState(
  context: BrokerSettings & StoreAccess & Events,
  host: HostConnection,
  { sessionId, epoch, state }: ReportedSession,
): Promise<void> {
  const now = listedOf(host.sessions.get(sessionId));
  if (now?.epoch !== epoch || now.state === state) return;
  const { hostId } = host.registration;
  const change = { sessionId, epoch, hostId, to: now.state };
  const outcome = await context.batches.updateSessionState(host.regionPool, change);
  if (outcome.kind !== 'changed') return;
  notifyAllOfChange(context, host.regionPool, outcome.session);
}

async function decideReport(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  report: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { sessionId, epoch } = report;
  const [reservation] = await context.store.getSessions(host.regionPool, [targetReservationIdOf(sessionId)]);
  if (reservation?.epoch !== epoch || reservation.hostId !== host.registration.hostId) return false;
  const accepted = await acceptReport(context, host, reservation, report, restored);
  if (accepted === undefined) endOnTarget(context, host, reservation, report);
  else await completeMove(context, host, accepted);
  return true;
}

/**
 * Moves the session in the store. The request's record is changed first, because it also decides between this move and
 * another broker that places the session again.
 *
 * @returns the session on the target host; `undefined` if the move failed
 */
async function acceptReport(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  { regionPool, registration }: HostConnection,
  reservation: SessionRecord,
  { sessionId, epoch, state }: ReportedSession,
  restored: boolean,
): Promise<SessionRecord | undefined> {
  const { store, brokerId, limits } = context;
  const { meta } = reservation;
  if (reservation.state !== 'arriving' || meta === null) return undefined;
  if (restored && (await assignRequestToTarget(context, regionPool, meta, { sessionId, epoch }))) {
    const { hostId } = registration;
    const owner = await findOwner(context, regionPool, sessionId, meta);
    const completion = { sessionId, epoch, hostId, state, ...owner };
    const outcome = await store.completeMove(regionPool, completion, limits.reservationMs, brokerId);
    return outcome.kind === 'moved' ? outcome.session : undefined;
  }
  const dropped = await store.releaseTargetSlot(regionPool, sessionId, epoch, brokerId);
  if (dropped !== null) notifyAllOfEnd(context, regionPool, [dropped]);
  return undefined;
}

/**
 * The broker of the client and its number, for a session that comes from another region pool: the store does not know them in this
 * one.
 */
async function findOwner(
  { store }: StoreAccess,
  regionPool: RegionPool,
  sessionId: string,
  { match }: SessionMeta,
): Promise<Pick<SessionRecord, 'clientBrokerId' | 'seq'>> {
  const unknown = { clientBrokerId: '', seq: 0 };
  const from = decodeMatch(match).movedFrom;
  if (from === undefined || regionPoolName(from) === regionPoolName(regionPool)) return unknown;
  const { region, pool } = from;
  const [before] = await store.getSessions({ region, pool }, [sessionId]);
  if (before === null || before === undefined) return unknown;
  const { clientBrokerId, seq } = before;
  return { clientBrokerId, seq };
}

function endOnTarget(
  { activeMoves }: ActiveMovesPort,
  host: HostConnection,
  { reason }: SessionRecord,
  { sessionId, epoch }: ReportedSession,
): void {
  activeMoves.finishTarget(sessionId, epoch);
  dispatchToHost(host, sessionId, { type: 'ended', epoch, reason: reason ?? 'move_failed' });
}
