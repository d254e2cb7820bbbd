import type { CannotMove, HostCheckpoint } from '@duskline/protocol';
import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import type { RegionPool } from '../../domain/catalog.js';
import type { HostConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Connections } from '../connections/ports.js';
import type { ActiveMovesPort } from './active-moves.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { emitSessionChange, wakeOtherBrokers } from '../messaging/session-events.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import type { OutgoingMove } from './active-moves.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import type { MoveParty, MoveReply, ControlMessage } from '../messaging/control-messages.js';

/** How long after the answer is due a move may last: taken up, and the client there; and a little more. */
const STEPS_AFTER_REPLY = 2.5;

/** The old host's broker: tells it to hold a session still and to hand it over. */
export async function requestCheckpoint(
  context: CorePorts & Connections & ActiveMovesPort,
  place: RegionPool,
  message: Extract<ControlMessage, { type: 'checkpoint' }>,
): Promise<void> {
  const { hostId, sessionId, epoch, to, toEpoch, coordinatorBrokerId, withinMs, stillMs } = message;
  const host = context.connections.findHost(place, hostId);
  const held = host?.heldSessions.get(sessionId);
  const refuse = (reason: string, by: MoveParty = 'source'): Promise<void> =>
    sendControlMessage(context, to, coordinatorBrokerId, {
      type: 'reply',
      sessionId,
      epoch: toEpoch,
      reply: { kind: 'refused', by, reason },
    });
  if (host === undefined || held === undefined) return refuse('the host is not here');
  if (held.epoch !== epoch || held.state !== 'connected') return refuse('it is not being played', 'client');
  // By another broker, which was faster: no fault of the host's.
  if (context.activeMoves.outgoing.has(sessionId)) return refuse('it is being moved already', 'store');
  const nowMs = performance.now();
  context.activeMoves.outgoing.set(sessionId, {
    host,
    sessionId,
    epoch,
    to,
    toEpoch,
    coordinatorBrokerId,
    replyByMs: nowMs + withinMs,
    expiresAtMs: nowMs + withinMs + STEPS_AFTER_REPLY * context.limits.moveStepMs,
    isPaused: false,
  });
  host.channel.send({ type: 'checkpoint', sessionId, epoch, withinMs, stillMs });
}

/** Takes what a host hands over; answered only when that fails. */
export async function receiveCheckpoint(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  message: HostCheckpoint,
): Promise<void> {
  const { sessionId } = message;
  try {
    const outgoing = checkCheckpoint(context, host, message);
    try {
      await storeCheckpoint(context, outgoing, message);
    } catch (error) {
      context.activeMoves.outgoing.delete(sessionId);
      await replyToCoordinator(context, outgoing, {
        kind: 'refused',
        by: 'source',
        reason: toRefusal(error).message,
      });
      throw error;
    }
  } catch (error) {
    host.channel.send(errorMessage(toRefusal(error), { sessionId }));
  }
}

/** @throws Refusal STALE_EPOCH, NO_MOVE */
function checkCheckpoint(
  context: ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch }: HostCheckpoint,
): OutgoingMove {
  const outgoing = context.activeMoves.outgoing.get(sessionId);
  const heldEpoch = outgoing?.epoch ?? host.heldSessions.get(sessionId)?.epoch ?? epoch;
  if (epoch < heldEpoch) throw new Refusal('STALE_EPOCH');
  if (outgoing?.host !== host || outgoing.epoch !== epoch || outgoing.isPaused) throw new Refusal('NO_MOVE');
  if (performance.now() > outgoing.replyByMs) {
    context.activeMoves.outgoing.delete(sessionId);
    throw new Refusal('NO_MOVE', { message: 'The checkpoint came too late: the session stays here.' });
  }
  return outgoing;
}

async function storeCheckpoint(
  context: BrokerSettings & StoreAccess & Events,
  outgoing: OutgoingMove,
  { state, reference }: HostCheckpoint,
): Promise<void> {
  const { host, sessionId, epoch, to, toEpoch } = outgoing;
  if ((state === undefined) === (reference === undefined)) {
    throw new Refusal('BAD_MESSAGE', { message: 'checkpoint: either state or reference, and not both.' });
  }
  if (state !== undefined && decodedBytes(state) > MAX_CHECKPOINT_BYTES) {
    throw new Refusal('CHECKPOINT_TOO_LARGE');
  }
  outgoing.isPaused = true;
  host.heldSessions.set(sessionId, { epoch, state: 'moving' });
  const hostId = host.registration.hostId;
  const [outcome] = await Promise.all([
    context.batches.transition(host.place, { sessionId, epoch, hostId, to: 'moving' }),
    state === undefined ? undefined : context.store.putCheckpoint(to, sessionId, toEpoch, state),
  ]);
  if (outcome.kind !== 'changed') throw new Refusal(outcome.kind === 'stale' ? 'STALE_EPOCH' : 'NO_MOVE');
  emitSessionChange(context, host.place, outcome.session);
  wakeOtherBrokers(context, host.place, outcome.session, null);
  await replyToCoordinator(context, outgoing, { kind: 'checkpoint', reference: reference ?? null });
}

/** What base64 stands for, without decoding it. */
function decodedBytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

/** The old host, or the new one, cannot move a session. */
export async function receiveCannotMove(
  context: CorePorts & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch, reason = 'it said so' }: CannotMove,
): Promise<void> {
  const { outgoing, incoming } = context.activeMoves;
  const out = outgoing.get(sessionId);
  const into = incoming.get(sessionId);
  if (out?.host === host && out.epoch === epoch) {
    outgoing.delete(sessionId);
    await replyToCoordinator(context, out, { kind: 'refused', by: 'source', reason });
  } else if (into?.host === host && into.epoch === epoch) {
    incoming.delete(sessionId);
    const reply: MoveReply = { kind: 'refused', by: 'target', reason };
    await sendControlMessage(context, host.place, into.coordinatorBrokerId, {
      type: 'reply',
      sessionId,
      epoch,
      reply,
    });
  } else {
    host.channel.send(errorMessage(new Refusal('NO_MOVE'), { sessionId }));
  }
}

/** The move came to nothing: the old host goes on, unless it is another move that it holds the session still for. */
export function resumeOnSource(
  context: Connections & ActiveMovesPort,
  place: RegionPool,
  { hostId, sessionId, epoch, toEpoch }: Extract<ControlMessage, { type: 'resume' }>,
): void {
  const { connections, activeMoves: moves } = context;
  const outgoing = moves.outgoing.get(sessionId);
  if (outgoing?.epoch === epoch) {
    if (outgoing.toEpoch !== toEpoch) return;
    moves.outgoing.delete(sessionId);
  }
  connections.findHost(place, hostId)?.channel.send({ type: 'resume', sessionId, epoch });
}

/** The session is on another host of the same place. */
export function removeFromSource(
  context: Connections & ActiveMovesPort,
  place: RegionPool,
  { hostId, sessionId, epoch }: Extract<ControlMessage, { type: 'moved_away' }>,
): void {
  context.activeMoves.outgoing.delete(sessionId);
  const host = context.connections.findHost(place, hostId);
  if (host === undefined) return;
  if (host.heldSessions.get(sessionId)?.epoch === epoch) host.heldSessions.delete(sessionId);
  host.lastSentEpochs.delete(sessionId);
  host.channel.send({ type: 'end', sessionId, epoch, reason: 'superseded' });
}

function replyToCoordinator(
  context: BrokerSettings & StoreAccess & Events,
  { sessionId, to, toEpoch, coordinatorBrokerId }: OutgoingMove,
  reply: MoveReply,
): Promise<void> {
  return sendControlMessage(context, to, coordinatorBrokerId, {
    type: 'reply',
    sessionId,
    epoch: toEpoch,
    reply,
  });
}
