import { isEarlyEnd } from '../../domain/client-session/change-steps.js';
import type { SessionChange } from '../../domain/client-session/client-session.js';
import type { SessionEffect } from '../../domain/client-session/effects.js';
import { mayFindEnd } from '../../domain/client-session/end-steps.js';
import { step } from '../../domain/client-session/step.js';
import { FIRST_EPOCH } from '../../domain/play-request/begin.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientSessionDirectory } from '../connections/client-session-directory.js';
import type {
  ClientConnection,
  ClientSessionRecord,
  ClientSessionTypes,
  EndOrder,
} from '../connections/connections.js';
import type { ClientSessionEvent, ClientSessionRunner, Connections } from '../connections/ports.js';
import { Refusal, errorMessage } from '../refusal.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Reporting } from '../reporting.js';
import { hasMoved } from '../sessions/match-details.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';
import { sendReplaced } from './notify-replaced.js';
import { sendControlMessage } from './send-control-message.js';

type Ports = BrokerSettings &
  Runtime &
  StoreAccess &
  Events &
  Reporting &
  Pick<Connections, 'connections' | 'clientSessions'>;
type Effect = SessionEffect<ClientSessionTypes>;

/** An event that waits until the effects of the one before are carried out. */
interface QueuedEvent {
  readonly session: ClientSessionRecord;
  readonly event: ClientSessionEvent;
  /** The connection that gets the session with this event. */
  readonly client: ClientConnection | null;
}

/**
 * Runs the machines of clients' sessions (`domain/client-session`): carries out their effects, and dispatches what comes of them. What
 * folders do that this one may not import is emitted as an event of the broker.
 */
export function createClientSessionRunner(context: Ports): ClientSessionRunner {
  const { clientSessions, connections, clock, brokerId } = context;
  const queue: QueuedEvent[] = [];
  let isRunning = false;

  const runner: ClientSessionRunner = {
    dispatch: (session, event) => run({ session, event, client: null }),
    match(client, sessionId, { assignment, message, earlierSession }) {
      const session = clientSessions.findOrCreate(sessionId);
      session.playerId = client.playerId;
      const { regionPool } = assignment;
      const earlier = earlierSession === undefined ? null : toChange(brokerId, regionPool, earlierSession);
      const isConnected = connections.hasClient(client);
      const isOtherClient = session.client !== client;
      run({
        session,
        event: { type: 'matched', assignment, message, isConnected, isOtherClient, earlier },
        client,
      });
    },
    findEnd(client, sessionId, end) {
      const session = clientSessions.findOrCreate(sessionId);
      if (!mayFindEnd(session.state.phase) || !connections.hasClient(client)) return false;
      session.playerId = client.playerId;
      run({ session, event: { type: 'end_found', ...end }, client });
      return true;
    },
    receiveChange(regionPool, record) {
      const change = toChange(brokerId, regionPool, record);
      if (change === null) return;
      const session = sessionOfChange(clientSessions, record.sessionId, change);
      if (session !== undefined)
        runner.dispatch(session, { type: 'changed', change, nowMs: clock.monotonicMs() });
    },
  };

  /** Events that effects cause are handled after all effects of the event before. */
  function run(first: QueuedEvent): void {
    queue.push(first);
    if (isRunning) return;
    isRunning = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) apply(next);
    } finally {
      isRunning = false;
    }
  }

  function apply({ session, event, client }: QueuedEvent): void {
    const before = session.state;
    const { session: state, effects } = step(before, event);
    session.state = state;
    for (const effect of effects) carryOut(session, effect, client);
    if (state.phase !== before.phase) clientSessions.file(session);
  }

  /** @param newClient the connection that gets the session with this event */
  function carryOut(session: ClientSessionRecord, effect: Effect, newClient: ClientConnection | null): void {
    const { sessionId, client, playerId } = session;
    switch (effect.type) {
      case 'link':
        if (newClient !== null) clientSessions.link(session, newClient);
        return;
      case 'send':
        (newClient ?? client)?.channel.send(effect.message);
        return;
      case 'tell': {
        const { epoch, state, reason } = effect;
        client?.channel.send({
          type: 'session',
          sessionId,
          epoch,
          state,
          ...(reason === null ? {} : { reason }),
        });
        if (state === 'ended') clearLiveRequest(context, playerId, { sessionId, epoch, reason });
        return;
      }
      case 'clear_live': {
        const { epoch, reason } = effect;
        clearLiveRequest(context, playerId, { sessionId, epoch, reason });
        return;
      }
      case 'renew':
        context.events.emit('sessionReturned', session, effect);
        return;
      case 'send_replaced': {
        const { requestId, byRequestId } = effect;
        if (client !== null) sendReplaced(context, client, { requestId, sessionId, byRequestId });
        return;
      }
      case 'answer_order':
        answerOrder(context, sessionId, effect.order, effect.failure);
        effect.order.markAnswered();
        return;
      case 'refuse_move':
        void refuseMove(context, sessionId, effect);
        return;
      case 'read':
        void read(session, effect);
        return;
      case 'find_owner':
        void findOwner(session, effect);
        return;
      case 'end':
        context.events.emit('sessionEndOrdered', session, effect);
        return;
      case 'locate':
        context.events.emit('sessionLeftHost', session, effect);
        return;
      case 'replace':
        context.events.emit('sessionLost', session, effect);
        return;
      case 'cancel_replacement':
        context.events.emit('replacementCancelled', session, effect.order);
    }
  }

  /**
   * Reads a session again. A change that arrived before it was linked to its client was dropped, because this broker knew no
   * client to notify.
   */
  async function read(
    session: ClientSessionRecord,
    { regionPool, asOf }: Extract<Effect, { readonly type: 'read' }>,
  ): Promise<void> {
    const { sessionId } = session;
    try {
      const [record] = await context.store.getSessions(regionPool, [sessionId]);
      const change = record === null || record === undefined ? null : toChange(brokerId, regionPool, record);
      runner.dispatch(session, { type: 'read', asOf, change, nowMs: clock.monotonicMs() });
    } catch (error) {
      // The periodic check of all sessions finds the change.
      context.log.warn({ err: error, sessionId }, 'a session could not be read again');
    }
  }

  /** Reads which of the player's requests has a session that continues on another broker. */
  async function findOwner(
    session: ClientSessionRecord,
    { call, requestId }: Extract<Effect, { readonly type: 'find_owner' }>,
  ): Promise<void> {
    const { playerId } = session;
    const byRequestId = await context.batches.findRequest({ playerId, requestId }).then(
      (record) => record?.replacedBy ?? requestId,
      () => null,
    );
    runner.dispatch(session, { type: 'owner_found', call, byRequestId });
  }

  return runner;
}

/** The record of a session that changed; `undefined` if the change means nothing to this broker's clients. */
function sessionOfChange(
  clientSessions: ClientSessionDirectory,
  sessionId: string,
  change: SessionChange,
): ClientSessionRecord | undefined {
  const session = clientSessions.find(sessionId);
  if (session !== undefined || !isEarlyEnd(change)) return session;
  return clientSessions.findOrCreate(sessionId);
}

/** A stored session as the machine needs it; `null` for an offer or a target reservation. */
export function toChange(
  ownBrokerId: string,
  regionPool: RegionPool,
  { epoch, state, reason, hostId, reservedAtMs, clientBrokerId, meta }: SessionRecord,
): SessionChange | null {
  if (state === 'offered' || state === 'arriving') return null;
  const owner = clientBrokerId === '' ? 'unknown' : clientBrokerId === ownBrokerId ? 'this' : 'other';
  // A move raises the epoch.
  const moved = epoch > FIRST_EPOCH && meta !== null && hasMoved(meta.match);
  return { regionPool, epoch, state, reason, hostId, reservedAtMs, owner, hasMoved: moved };
}

/** Each `cancel` is answered, and an `end` that failed. */
function answerOrder(
  { random }: Runtime,
  sessionId: string,
  { client, requestId }: EndOrder,
  failure: Extract<Effect, { readonly type: 'answer_order' }>['failure'],
): void {
  if (requestId === null && failure === null) return;
  const refusal = new Refusal(failure ?? 'CANCELLED');
  const subject = requestId === null ? { sessionId } : { requestId };
  const inReplyTo = requestId === null ? 'end' : 'cancel';
  client.channel.send(errorMessage(refusal, random, { inReplyTo, ...subject }));
}

/** The broker that runs the move gets no other answer of the client. */
async function refuseMove(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  sessionId: string,
  { move, reason }: Extract<Effect, { readonly type: 'refuse_move' }>,
): Promise<void> {
  const { assignment, coordinatorBrokerId } = move;
  const { regionPool, epoch } = assignment;
  try {
    await sendControlMessage(context, regionPool, coordinatorBrokerId, {
      type: 'reply',
      sessionId,
      epoch,
      reply: { kind: 'refused', by: 'client', reason },
    });
  } catch (error) {
    // The deadline of the coordinator ends the move.
    context.log.warn({ err: error, sessionId }, 'a move could not be refused');
  }
}
