import type { RegionPool } from '../../domain/catalog.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import { hasMoved } from '../sessions/match-details.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';

/** Sends a client the change of its session, unless the session may have moved: then its new host is located first. */
export function notifyClient(
  context: BrokerSettings & Runtime & StoreAccess & Connections & Events,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const { connections, events, brokerId } = context;
  const { sessionId, epoch, state, clientBrokerId, meta } = session;
  const client = connections.clientOfSession(sessionId);
  const known = client?.sessions.get(sessionId);
  if (client === undefined || known === undefined || state === 'offered' || state === 'arriving') return;
  if (clientBrokerId !== '' && clientBrokerId !== brokerId) {
    // The session may be moving to this region pool: the broker that moves it will notify the client's broker.
    if (epoch > known.epoch && meta !== null && hasMoved(meta.match)) return;
    // Another device of the player resumed the session on another broker.
    notifySuperseded(context, client, sessionId);
    return;
  }
  if (epoch < known.epoch || (epoch === known.epoch && state === known.state)) return;
  // The client is changing hosts. A lost connection to the old host does not say whether it reached the new one.
  const isChangingHosts =
    known.pendingMove !== null && context.clock.monotonicMs() < known.pendingMove.untilMs;
  if (isChangingHosts && epoch === known.epoch && state === 'disconnected') return;
  if (mayHaveMoved(known, session)) {
    events.emit('sessionLeftHost', client, known, regionPool, session);
    return;
  }
  sendSessionChange(context, client, applyPendingMove(context, client, known, session), regionPool, session);
}

/**
 * Sends a client the new state of its session. If the host was lost, the session is replaced instead, unless the request has
 * `onHostLost: 'end'`.
 */
export function sendSessionChange(
  context: StoreAccess & Connections & Events,
  client: ClientConnection,
  known: ClientSession,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const { connections, events } = context;
  const { sessionId, epoch, state, reason } = session;
  if (state === 'offered' || state === 'arriving') return;
  const previousState = known.state;
  known.epoch = epoch;
  known.state = state;
  if (state === 'ended' && reason === 'host_lost' && known.request.onHostLost !== 'end') {
    events.emit('sessionLost', client, regionPool, session, previousState);
    return;
  }
  client.channel.send({
    type: 'session',
    sessionId,
    epoch,
    state,
    ...(reason === null ? {} : { reason }),
  });
  if (state !== 'ended') return;
  clearLiveRequest(context, client.playerId, session);
  connections.unlinkSession(sessionId);
  if (reason === 'client_left') client.lastLeftSessionId = sessionId;
}

/** Another connection of the player took the session over: for this connection it has ended. */
export function notifySuperseded(
  { connections }: Connections,
  client: ClientConnection,
  sessionId: string,
): void {
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { epoch } = known;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'superseded' });
  connections.unlinkSession(sessionId);
}

/** Whether the session may be on a host that its client was not sent. */
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

/** Updates the client's session if it is now on the target host of the client's pending move. Returns the session to notify about. */
function applyPendingMove(
  { connections }: Connections,
  client: ClientConnection,
  known: ClientSession,
  { sessionId, epoch }: SessionRecord,
): ClientSession {
  const { pendingMove: move } = known;
  if (move?.epoch !== epoch) return known;
  const { regionPool, hostId, meta } = move;
  const movedSession: ClientSession = { ...known, regionPool, hostId, meta, epoch, pendingMove: null };
  connections.linkSession(client, sessionId, movedSession);
  return movedSession;
}
