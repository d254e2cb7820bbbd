import type { SessionLimits } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import { sessionOfTargetReservation } from '../../domain/target-reservation.js';
import { tierOf } from '../../domain/tiers.js';
import type { EndedSession, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection, HostConnection, ClientSession } from '../connections/connections.js';
import type { BrokerContext } from '../context.js';
import { decodeMatch, hasMoved, type MatchDetails } from '../sessions/match-details.js';
import { Refusal } from '../refusal.js';
import { receiveOffer } from '../requests/receive-offer.js';

/**
 * Tells this broker's own connections how a session is now: its client, its host, or both. Saying the same
 * twice is prevented here, so that every path that learns of a change may call it.
 */
export function notifySession(context: BrokerContext, place: RegionPool, session: SessionRecord): void {
  const movingId = sessionOfTargetReservation(session.sessionId);
  if (movingId !== undefined) {
    dropTargetReservation(context, place, { ...session, sessionId: movingId });
    return;
  }
  notifyWaitingRequest(context, place, session);
  notifyClient(context, place, session);
  forgetDisconnected(context, session);
  const host = context.connections.findHost(place, session.hostId);
  if (host !== undefined) notifyHost(context, host, session);
}

/** Tells the brokers of a session's other ends that there is mail. */
export function wakeOtherBrokers(
  context: BrokerContext,
  place: RegionPool,
  session: SessionRecord,
  hostConnectionId: string | null,
): void {
  const { clientBrokerId } = session;
  wakeBroker(context, place, clientBrokerId);
  const hostBrokerId = hostConnectionId === null ? '' : brokerIdOf(hostConnectionId);
  if (hostBrokerId !== clientBrokerId) wakeBroker(context, place, hostBrokerId);
}

function wakeBroker({ store, brokerId: own }: BrokerContext, place: RegionPool, brokerId: string): void {
  if (brokerId !== '' && brokerId !== own) store.sendWakeUp(brokerId, place);
}

/** Tells everybody concerned that sessions ended. */
export function notifyAllOfEnd(
  context: BrokerContext,
  place: RegionPool,
  ended: readonly EndedSession[],
): void {
  for (const { session, hostConnectionId } of ended) {
    if (sessionOfTargetReservation(session.sessionId) === undefined) {
      context.observer.sessionEnded(place, session.reason ?? 'error');
    }
    notifySession(context, place, session);
    wakeOtherBrokers(context, place, session, hostConnectionId);
  }
}

/** A placement that waits here was offered a slot, or its time is over. */
function notifyWaitingRequest(context: BrokerContext, place: RegionPool, session: SessionRecord): void {
  const request = context.waitingRequests.findBySession(session.sessionId);
  if (request === undefined) return;
  if (session.state === 'offered') receiveOffer(context, request, place, session);
  else if (session.state === 'ended' && session.hostId === '' && session.reason === 'reservation_expired') {
    request.reject(new Refusal('TIMED_OUT'));
  }
}

function notifyClient(context: BrokerContext, place: RegionPool, session: SessionRecord): void {
  const { connections } = context;
  const { sessionId, epoch, state, clientBrokerId, meta } = session;
  const client = connections.clientOfSession(sessionId);
  const known = client?.sessions.get(sessionId);
  if (client === undefined || known === undefined || state === 'offered' || state === 'arriving') return;
  if (clientBrokerId !== '' && clientBrokerId !== context.brokerId) {
    // It may be on its way here: whoever moved it tells the broker of its client.
    if (epoch > known.epoch && meta !== null && hasMoved(meta.match)) return;
    // Another device of the player resumed it, on another broker.
    notifySuperseded(context, client, sessionId);
    return;
  }
  if (epoch < known.epoch || (epoch === known.epoch && state === known.state)) return;
  // It leaves the old host for the new one: whether it has is not known yet.
  const isLeaving = known.pendingMove !== null && performance.now() < known.pendingMove.untilMs;
  if (isLeaving && epoch === known.epoch && state === 'disconnected') return;
  if (mayHaveMoved(known, session)) {
    context.locateMovedSession(client, known, place, session);
    return;
  }
  notifyClientOfChange(context, client, applyPendingMove(context, client, known, session), place, session);
}

/** Tells a client that one of its sessions is another now. */
export function notifyClientOfChange(
  context: BrokerContext,
  client: ClientConnection,
  known: ClientSession,
  place: RegionPool,
  session: SessionRecord,
): void {
  const { sessionId, epoch, state, reason } = session;
  if (state === 'offered' || state === 'arriving') return;
  if (state === 'ended' && reason === 'host_lost' && known.request.onHostLost !== 'end') {
    const was = known.state;
    known.epoch = epoch;
    known.state = state;
    context.replaceLostSession(client, place, session, was);
    return;
  }
  known.epoch = epoch;
  known.state = state;
  client.channel.send({
    type: 'session',
    sessionId,
    epoch,
    state,
    ...(reason === null ? {} : { reason }),
  });
  if (state !== 'ended') return;
  context.connections.unlinkSession(sessionId);
  if (reason === 'client_left') client.lastLeftSessionId = sessionId;
}

/** Whether it has to be looked up what this means: the session may be on another host, of which the client was not told. */
function mayHaveMoved(known: ClientSession, { epoch, state, reason, hostId, meta }: SessionRecord): boolean {
  if (epoch === known.epoch) {
    if (reason === 'host_lost') return known.pendingMove !== null;
    const mayMove =
      known.pendingMove !== null || known.request.canMove === true || known.state === 'reserved';
    return reason === 'superseded' && mayMove;
  }
  const isMoved = meta !== null && hasMoved(meta.match) && hostId !== known.hostId;
  return state !== 'ended' && isMoved && epoch !== known.pendingMove?.epoch;
}

/** What is known of a session once it is on the host that its client was told to go to. */
function applyPendingMove(
  context: BrokerContext,
  client: ClientConnection,
  known: ClientSession,
  { sessionId, epoch }: SessionRecord,
): ClientSession {
  const { pendingMove: move } = known;
  if (move?.epoch !== epoch) return known;
  const { place, hostId, meta } = move;
  const after: ClientSession = { ...known, place, hostId, meta, epoch, pendingMove: null };
  context.connections.linkSession(client, sessionId, after);
  return after;
}

/** A move that was given up, or whose host is gone: who carries it out hears of it, and the host drops what it took up. */
function dropTargetReservation(
  { connections, activeMoves: moves }: BrokerContext,
  place: RegionPool,
  { sessionId, epoch, hostId, state, reason }: SessionRecord,
): void {
  if (state !== 'ended') return;
  const carried = moves.coordinated.get(sessionId);
  if (carried?.toEpoch === epoch) {
    carried.add({ kind: 'refused', by: 'target', reason: `the slot is gone: ${reason ?? 'error'}` });
  }
  const host = connections.findHost(place, hostId);
  if (host?.lastSentEpochs.get(sessionId) !== epoch) return;
  host.lastSentEpochs.delete(sessionId);
  moves.incoming.delete(sessionId);
  if (host.heldSessions.get(sessionId)?.epoch === epoch) host.heldSessions.delete(sessionId);
  host.channel.send({ type: 'end', sessionId, epoch, reason: reason ?? 'move_failed' });
}

/** What is over, or goes on elsewhere, is not to be given back to the store from here. */
function forgetDisconnected(
  { disconnected: departed, brokerId }: BrokerContext,
  { sessionId, epoch, state, clientBrokerId }: SessionRecord,
): void {
  const gone = departed.sessions.get(sessionId);
  if (gone === undefined) return;
  const isElsewhere = clientBrokerId !== '' && clientBrokerId !== brokerId;
  if (state === 'ended' || isElsewhere || epoch > gone.known.epoch) departed.sessions.forget(sessionId);
}

/** A session goes on with another connection of its player: this one is told that it is over for it. */
export function notifySuperseded(context: BrokerContext, client: ClientConnection, sessionId: string): void {
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { epoch } = known;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'superseded' });
  context.connections.unlinkSession(sessionId);
}

/** Tells a host to expect a session, or to end one. */
export function notifyHost(context: BrokerContext, host: HostConnection, session: SessionRecord): void {
  const { sessionId, epoch, state, meta } = session;
  if (state === 'reserved' && meta !== null) {
    if (wasSentToHost(host, session)) return;
    prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match));
  } else if (state === 'ended' && session.reason === 'host_lost') {
    // Whoever hears this was not lost after all: its next list of sessions decides what it keeps.
    host.lastSentEpochs.delete(sessionId);
  } else if (
    state === 'ended' &&
    (host.lastSentEpochs.delete(sessionId) || host.heldSessions.has(sessionId))
  ) {
    context.activeMoves.outgoing.delete(sessionId);
    host.heldSessions.delete(sessionId);
    host.channel.send({ type: 'end', sessionId, epoch, reason: session.reason ?? 'error' });
  }
}

/** Tells a host whom to expect, unless it was told. */
export function prepareHost(
  context: BrokerContext,
  host: HostConnection,
  session: { readonly sessionId: string; readonly epoch: number; readonly meta: SessionMeta },
  { stream, tier }: MatchDetails,
): void {
  if (wasSentToHost(host, session)) return;
  const { sessionId, epoch, meta } = session;
  const { title, playerId } = meta;
  host.lastSentEpochs.set(sessionId, epoch);
  const limits = sessionLimitsOf(context, tier);
  const claimWithinMs = context.limits.reservationMs;
  const prepare = { type: 'prepare', sessionId, epoch, title, playerId, stream, claimWithinMs } as const;
  host.channel.send(limits === undefined ? prepare : { ...prepare, limits });
}

function wasSentToHost(
  { lastSentEpochs: told }: HostConnection,
  { sessionId, epoch }: { readonly sessionId: string; readonly epoch: number },
): boolean {
  return (told.get(sessionId) ?? 0) >= epoch;
}

/** What a host holds the sessions of a tier to; `undefined` when to nothing. */
export function sessionLimitsOf({ tiers }: BrokerContext, tier: string): SessionLimits | undefined {
  const { idleMs, maxLengthMs, warnBeforeMs } = tierOf(tiers, tier);
  if (idleMs === null && maxLengthMs === null) return undefined;
  return {
    ...(idleMs === null ? {} : { idleMs }),
    ...(maxLengthMs === null ? {} : { maxLengthMs }),
    warnBeforeMs: [...warnBeforeMs],
  };
}
