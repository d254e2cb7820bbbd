import type { Restored } from '@duskline/protocol';
import { targetReservationIdOf } from '../../domain/target-reservation.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { ReportedSession, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { ActiveMovesPort } from './active-moves.js';
import type { Connections } from '../connections/ports.js';
import { notifyAllOfEnd, emitSessionChange, wakeOtherBrokers } from '../messaging/session-events.js';
import { sessionLimitsOf } from '../messaging/notify-host.js';
import { decodeMatch, hasMoved, type MovedFrom } from '../sessions/match-details.js';
import { Refusal, errorMessage } from '../refusal.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import type { MoveReply, ControlMessage } from '../messaging/control-messages.js';

/** The new host's broker: hands it what the old host handed over. */
export async function requestRestore(
  context: CorePorts & Connections & ActiveMovesPort,
  place: RegionPool,
  {
    sessionId,
    epoch,
    coordinatorBrokerId,
    claimWithinMs,
    reference,
  }: Extract<ControlMessage, { type: 'restore' }>,
): Promise<void> {
  const [[arrival], state] = await Promise.all([
    context.store.getSessions(place, [targetReservationIdOf(sessionId)]),
    reference === null ? context.store.takeCheckpoint(place, sessionId, epoch) : null,
  ]);
  const host = context.connections.findHost(place, arrival?.hostId ?? '');
  const refuse = (reason: string): Promise<void> =>
    replyToCoordinator(context, place, coordinatorBrokerId, sessionId, epoch, {
      kind: 'refused',
      by: 'target',
      reason,
    });
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch || arrival.meta === null) {
    return refuse('the slot is no longer held');
  }
  if (host === undefined) return refuse('the host is not here');
  if (reference === null && state === null) return refuse('what was handed over is gone');
  const { title, playerId, match } = arrival.meta;
  const { stream, tier } = decodeMatch(match);
  const limits = sessionLimitsOf(context, tier);
  host.lastSentEpochs.set(sessionId, epoch);
  context.activeMoves.incoming.set(sessionId, {
    host,
    epoch,
    coordinatorBrokerId,
    expiresAtMs: performance.now() + claimWithinMs,
  });
  host.channel.send({
    type: 'restore',
    sessionId,
    epoch,
    title,
    playerId,
    stream,
    claimWithinMs,
    ...(limits === undefined ? {} : { limits }),
    ...(state === null ? {} : { state }),
    ...(reference === null ? {} : { reference }),
  });
}

/** The new host is ready; answered only when nobody waits for that any more. */
export async function receiveRestored(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch }: Restored,
): Promise<void> {
  const incoming = context.activeMoves.incoming.get(sessionId);
  if (incoming?.host !== host || incoming.epoch !== epoch) {
    host.channel.send(errorMessage(new Refusal('NO_MOVE'), { sessionId }));
    return;
  }
  await replyToCoordinator(context, host.place, incoming.coordinatorBrokerId, sessionId, epoch, {
    kind: 'restored',
  });
}

/**
 * A host holds an assignment that the store does not know, or not yet: perhaps its client has just arrived by a move.
 *
 * @param restored whether the host has what was handed over: one that was started anew since has not
 * @returns whether it was a move's, and is settled
 */
export async function settleClientArrival(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  report: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { settlingArrivals: arriving } = context.activeMoves;
  const { sessionId, epoch } = report;
  // A host says more than one thing of it in one breath.
  const before = arriving.get(sessionId);
  if (before !== undefined) return before;
  const settled = confirmClientArrival(context, host, report, restored);
  arriving.set(sessionId, settled);
  try {
    const isMove = await settled;
    const now = host.heldSessions.get(sessionId);
    // What was said of it meanwhile.
    if (isMove && now?.epoch === epoch && now.state !== report.state) {
      const { hostId } = host.registration;
      const change = { sessionId, epoch, hostId, to: now.state };
      const outcome = await context.batches.transition(host.place, change);
      if (outcome.kind === 'changed') {
        emitSessionChange(context, host.place, outcome.session);
        wakeOtherBrokers(context, host.place, outcome.session, null);
      }
    }
    return isMove;
  } finally {
    arriving.delete(sessionId);
  }
}

/** The request decides first, for it also knows of whoever places the session anew; then the store, in one step. */
async function confirmClientArrival(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch, state }: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { store, brokerId, limits } = context;
  const { place } = host;
  const { hostId } = host.registration;
  const [arrival] = await store.getSessions(place, [targetReservationIdOf(sessionId)]);
  if (arrival?.epoch !== epoch || arrival.hostId !== hostId) return false;
  if (arrival.state === 'arriving' && arrival.meta !== null) {
    if (restored && (await assignRequestToTarget(context, place, arrival.meta, sessionId, epoch))) {
      const clientBrokerId = await clientBrokerOf(context, place, sessionId, arrival.meta);
      const report = { sessionId, epoch, hostId, state, clientBrokerId };
      const outcome = await store.completeMove(place, report, limits.reservationMs, brokerId);
      if (outcome.kind === 'moved') {
        await completeMove(context, host, outcome.session);
        return true;
      }
    } else {
      const dropped = await store.releaseTargetSlot(place, sessionId, epoch, brokerId);
      if (dropped !== null) notifyAllOfEnd(context, place, [dropped]);
    }
  }
  context.activeMoves.incoming.delete(sessionId);
  host.heldSessions.delete(sessionId);
  host.lastSentEpochs.delete(sessionId);
  host.channel.send({ type: 'end', sessionId, epoch, reason: arrival.reason ?? 'move_failed' });
  return true;
}

/** The broker that the client of a session is on that comes from another place: noted with it, so that nobody tells it wrong. */
async function clientBrokerOf(
  { store }: StoreAccess,
  place: RegionPool,
  sessionId: string,
  { match }: SessionMeta,
): Promise<string> {
  const from = decodeMatch(match).movedFrom;
  if (from === undefined || regionPoolName(from) === regionPoolName(place)) return '';
  const { region, pool } = from;
  const [before] = await store.getSessions({ region, pool }, [sessionId]);
  return before?.clientBrokerId ?? '';
}

/**
 * The player's request leads here from now on, unless somebody else took it over. Repeating it is safe.
 *
 * @param meta as it is to be here
 */
export async function assignRequestToTarget(
  context: StoreAccess,
  place: RegionPool,
  { playerId, requestId, match }: SessionMeta,
  sessionId: string,
  epoch: number,
): Promise<boolean> {
  const fromEpoch = decodeMatch(match).movedFrom?.requestEpoch;
  if (fromEpoch === undefined) return false;
  return context.store.commitEpoch(
    { playerId, requestId, sessionId, regionPool: place },
    { epoch, fromEpoch },
  );
}

/**
 * Ends what a move has left behind, and tells everybody. Repeating it is safe: it is done again when the host asks again,
 * because this broker, or the one before, died in between.
 */
export async function completeMove(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  session: SessionRecord,
): Promise<void> {
  const { sessionId, epoch, meta } = session;
  if (meta === null || !hasMoved(meta.match)) return;
  const from = decodeMatch(meta.match).movedFrom;
  if (from === undefined) return;
  context.activeMoves.incoming.delete(sessionId);
  if (regionPoolName(from) === regionPoolName(host.place))
    await releaseSourceHost(context, host.place, session, from);
  else await releaseSourceRegionPool(context, host.place, session, from);
  host.channel.send({ type: 'moved', sessionId, epoch });
  await replyToCoordinator(context, host.place, from.coordinatorBrokerId, sessionId, epoch, {
    kind: 'arrived',
  });
}

/** The store has freed the old slot already; the old host does not know. */
async function releaseSourceHost(
  context: BrokerSettings & StoreAccess & Events,
  place: RegionPool,
  session: SessionRecord,
  { hostId, epoch }: MovedFrom,
): Promise<void> {
  const { sessionId } = session;
  emitSessionChange(context, place, session);
  wakeOtherBrokers(context, place, session, null);
  const [old] = await context.store.getEndpoints(place, [hostId]);
  if (old === null || old === undefined) return;
  await sendControlMessage(context, place, brokerIdOf(old.connectionId), {
    type: 'moved_away',
    hostId,
    sessionId,
    epoch,
  });
}

/** What the session had in the place where it was ends, and its client's broker hears where it is. */
export async function releaseSourceRegionPool(
  context: CorePorts,
  place: RegionPool,
  session: SessionRecord,
  from: Pick<MovedFrom, 'region' | 'pool' | 'epoch'>,
): Promise<void> {
  const { sessionId, epoch } = session;
  const order = { sessionId, epoch: from.epoch, reason: 'superseded' } as const;
  const outcome = await context.batches.release({ region: from.region, pool: from.pool }, order);
  if (outcome.kind === 'ended') {
    const { clientBrokerId } = outcome.session;
    if (clientBrokerId !== '') {
      await context.store.setClientBroker(place, sessionId, clientBrokerId);
      await sendControlMessage(context, place, clientBrokerId, { type: 'arrived', sessionId, epoch });
    }
    notifyAllOfEnd(context, { region: from.region, pool: from.pool }, [outcome]);
  }
}

function replyToCoordinator(
  context: BrokerSettings & StoreAccess & Events,
  place: RegionPool,
  coordinatorBrokerId: string,
  sessionId: string,
  epoch: number,
  reply: MoveReply,
): Promise<void> {
  return sendControlMessage(context, place, coordinatorBrokerId, { type: 'reply', sessionId, epoch, reply });
}
