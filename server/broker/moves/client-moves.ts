import { setTimeout as delay } from 'node:timers/promises';
import type { Stay } from '@duskline/protocol';
import { targetReservationIdOf } from '../../domain/target-reservation.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { sendMatched } from '../placement/answer-matched.js';
import { createMatched } from '../placement/create-matched.js';
import { placedFromSession } from '../requests/placed-from-session.js';
import { findRequestRecord } from '../requests/request-record.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { emitSessionChange } from '../messaging/session-events.js';
import { sendSessionChange } from '../messaging/notify-client.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { cancelMove } from './cancel-move.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import type { ControlMessage } from '../messaging/control-messages.js';

/** The client's broker: tells it to go to the new host. */
export async function sendMoving(
  context: CorePorts & Connections & Credentials,
  place: RegionPool,
  {
    sessionId,
    epoch,
    fromEpoch,
    coordinatorBrokerId,
    claimWithinMs,
  }: Extract<ControlMessage, { type: 'moving' }>,
): Promise<void> {
  const [arrival] = await context.store.getSessions(place, [targetReservationIdOf(sessionId)]);
  const client = context.connections.clientOfSession(sessionId);
  const known = client?.sessions.get(sessionId);
  const refuse = (reason: string): Promise<void> =>
    sendControlMessage(context, place, coordinatorBrokerId, {
      type: 'reply',
      sessionId,
      epoch,
      reply: { kind: 'refused', by: 'client', reason },
    });
  if (client === undefined || known?.epoch !== fromEpoch) return refuse('the client is away');
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch) return refuse('the slot is no longer held');
  const { earlierSession: _, ...placed } = await placedFromSession(context, place, arrival, claimWithinMs);
  const message = await createMatched(context, client, known.request, { ...placed, sessionId });
  const { hostId, meta } = placed;
  known.pendingMove = {
    place,
    epoch,
    hostId,
    meta,
    coordinatorBrokerId,
    untilMs: performance.now() + claimWithinMs,
  };
  client.channel.send({ ...message, type: 'moving' });
}

/** The client did not get into the new host, or does not want to; answered only when it is too late for that. */
export async function declineMove(
  context: CorePorts,
  client: ClientConnection,
  { sessionId, epoch }: Stay,
): Promise<void> {
  try {
    const known = client.sessions.get(sessionId);
    if (known === undefined) throw new Refusal('UNKNOWN_SESSION');
    const { pendingMove: move } = known;
    if (move?.epoch !== epoch) throw new Refusal('NO_MOVE');
    const { place, hostId, epoch: fromEpoch } = known;
    const moving = { place, sessionId, hostId, epoch: fromEpoch, to: move.place, toEpoch: epoch };
    if ((await cancelMove(context, moving)) === 'arrived') throw new Refusal('NO_MOVE');
    if (known.pendingMove === move) known.pendingMove = null;
    await sendControlMessage(context, move.place, move.coordinatorBrokerId, {
      type: 'reply',
      sessionId,
      epoch,
      reply: { kind: 'refused', by: 'client', reason: 'the client stays' },
    });
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, sessionId }, 'a client could not stay');
    client.channel.send(errorMessage(refusal, { sessionId }));
  }
}

/** Word of whoever gave the move up: what the old host said meanwhile holds. */
export async function handleMoveCancelled(
  context: StoreAccess & Connections & Events,
  place: RegionPool,
  { sessionId, epoch }: Extract<ControlMessage, { type: 'cancelled' }>,
): Promise<void> {
  const known = context.connections.clientOfSession(sessionId)?.sessions.get(sessionId);
  if (known?.pendingMove?.epoch !== epoch) return;
  known.pendingMove = null;
  const [session] = await context.store.getSessions(place, [sessionId]);
  if (session !== null && session !== undefined) emitSessionChange(context, place, session);
}

/** Word from the new host's broker: the session is there. */
export async function handleClientArrived(
  context: StoreAccess & Events,
  place: RegionPool,
  { sessionId }: Extract<ControlMessage, { type: 'arrived' }>,
): Promise<void> {
  const [session] = await context.store.getSessions(place, [sessionId]);
  if (session !== null && session !== undefined) emitSessionChange(context, place, session);
}

/**
 * A session went to another host, and its client was not told to, or not here: it is told as if it had asked for its
 * session anew.
 */
async function sendNewMatch(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  known: ClientSession,
  place: RegionPool,
  session: SessionRecord,
): Promise<void> {
  try {
    const placed = await placedFromSession(context, place, session, context.limits.reservationMs);
    if (client.sessions.get(session.sessionId) !== known) return;
    await sendMatched(context, client, known.request, placed);
  } catch (error) {
    // The next look finds the same.
    context.log.warn(
      { err: error, sessionId: session.sessionId },
      'a client was not told where its session is',
    );
  }
}

/** What is being found out about at the moment. */
const sessionsBeingLocated = new WeakSet<ClientSession>();

/** How often is looked for a session that is on its way to another host. */
const POLL_INTERVAL_MS = 200;

/**
 * A session left the host that its client knows of. Perhaps it is, or is about to be, where the client was told to go;
 * perhaps it went on while the client changed its broker. If neither, the client is told what it was.
 */
export async function locateMovedSession(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  known: ClientSession,
  place: RegionPool,
  session: SessionRecord,
): Promise<void> {
  const { sessionId } = session;
  // Word of it comes more than once.
  if (sessionsBeingLocated.has(known)) return;
  sessionsBeingLocated.add(known);
  if (session.state !== 'ended') {
    await sendNewMatch(context, client, known, place, session);
    sessionsBeingLocated.delete(known);
    return;
  }
  const isStillKnown = (): boolean => client.sessions.get(sessionId) === known;
  const found = await findMovedSession(context, client, known, sessionId, isStillKnown).catch(
    (error: unknown) => {
      context.log.warn({ err: error, sessionId }, 'where a session went could not be found out');
      return undefined;
    },
  );
  if (!isStillKnown()) return;
  known.pendingMove = null;
  if (found === undefined) sendSessionChange(context, client, known, place, session);
  else await sendNewMatch(context, client, known, found.place, found.session);
}

/** @returns where it is, unless its client was told so meanwhile */
async function findMovedSession(
  context: BrokerSettings & StoreAccess & Events,
  client: ClientConnection,
  known: ClientSession,
  sessionId: string,
  isStillKnown: () => boolean,
): Promise<{ readonly place: RegionPool; readonly session: SessionRecord } | undefined> {
  const { store, brokerId } = context;
  for (let { pendingMove: move } = known; move !== null && isStillKnown(); move = known.pendingMove) {
    const [arrived] = await store.getSessions(move.place, [sessionId]);
    if (arrived?.epoch === move.epoch && arrived.state !== 'ended') {
      const session = await store.setClientBroker(move.place, sessionId, brokerId);
      if (session !== null) emitSessionChange(context, move.place, session);
      return undefined;
    }
    if (performance.now() > move.untilMs + context.intervals.moveGraceMs) break;
    await delay(POLL_INTERVAL_MS);
  }
  const claim = await findRequestRecord(context, client.playerId, known.request.requestId);
  if (claim === undefined || claim.epoch <= known.epoch) return undefined;
  const session = await store.setClientBroker(claim.regionPool, sessionId, brokerId);
  const isThere = session !== null && session.state !== 'ended' && session.epoch === claim.epoch;
  return isThere ? { place: claim.regionPool, session } : undefined;
}
