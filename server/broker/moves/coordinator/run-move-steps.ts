import { brokerIdOf } from '../../../domain/connection-id.js';
import { moveDeadlines } from '../../../domain/move-deadlines.js';
import type { Events } from '../../messaging/broker-events.js';
import type { MoveParty, MoveReply } from '../../messaging/control-messages.js';
import { sendControlMessage } from '../../messaging/send-control-message.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { MoveInProgress } from './cancel-move.js';
import type { MoveReplies } from '../move-replies.js';

type MoveRefusal = Extract<MoveReply, { kind: 'refused' }>;

/**
 * Runs the steps of a move whose target slot is reserved: the source host's checkpoint, its restoration on the target host,
 * and the client's change to the target host.
 *
 * @param targetConnectionId connection of the target host
 * @returns why the move failed; `undefined` if the client has arrived
 */
export async function runMoveSteps(
  context: BrokerSettings & StoreAccess & Events,
  move: MoveInProgress,
  targetConnectionId: string,
  replies: MoveReplies,
): Promise<MoveRefusal | undefined> {
  const checkpoint = await requestCheckpoint(context, move, replies);
  if (checkpoint.kind !== 'checkpoint') return toMoveRefusal(checkpoint, 'source');
  const { reference } = checkpoint;
  const restored = await requestRestore(context, move, targetConnectionId, reference, replies);
  if (restored.kind !== 'restored') return toMoveRefusal(restored, 'target');
  const arrived = await requestClientMove(context, move, replies);
  return arrived.kind === 'arrived' ? undefined : toMoveRefusal(arrived, 'client');
}

async function requestCheckpoint(
  context: BrokerSettings & StoreAccess & Events,
  { regionPool, sessionId, hostId, epoch, to, toEpoch }: MoveInProgress,
  replies: MoveReplies,
): Promise<MoveReply> {
  const { store, brokerId: coordinatorBrokerId, limits } = context;
  const { checkpointMs, deliveryMs, pausedMs } = moveDeadlines(limits.moveStepMs);
  const [host] = await store.getEndpoints(regionPool, [hostId]);
  if (host === null || host === undefined) return moveRefusal('source', 'the host is not connected');
  await sendControlMessage(context, regionPool, brokerIdOf(host.connectionId), {
    type: 'checkpoint',
    hostId,
    sessionId,
    epoch,
    to,
    toEpoch,
    coordinatorBrokerId,
    withinMs: checkpointMs,
    stillMs: pausedMs,
  });
  return replies.waitForNext('source', checkpointMs + deliveryMs);
}

async function requestRestore(
  context: BrokerSettings & StoreAccess & Events,
  { sessionId, to, toEpoch }: MoveInProgress,
  targetConnectionId: string,
  reference: string | null,
  replies: MoveReplies,
): Promise<MoveReply> {
  const { brokerId: coordinatorBrokerId, limits } = context;
  const { restoreMs, claimMs, deliveryMs } = moveDeadlines(limits.moveStepMs);
  await sendControlMessage(context, to, brokerIdOf(targetConnectionId), {
    type: 'restore',
    sessionId,
    epoch: toEpoch,
    coordinatorBrokerId,
    withinMs: restoreMs,
    claimWithinMs: claimMs,
    reference,
  });
  return replies.waitForNext('target', restoreMs + deliveryMs);
}

async function requestClientMove(
  context: BrokerSettings & StoreAccess & Events,
  { regionPool, sessionId, epoch, to, toEpoch }: MoveInProgress,
  replies: MoveReplies,
): Promise<MoveReply> {
  const { store, brokerId: coordinatorBrokerId, limits } = context;
  const { clientMs, deliveryMs } = moveDeadlines(limits.moveStepMs);
  // Read again, because the client may have changed brokers since the move began.
  const [now] = await store.getSessions(regionPool, [sessionId]);
  if (now?.epoch !== epoch || now.state === 'ended') return moveRefusal('client', 'the session has ended');
  if (now.clientBrokerId === '') return moveRefusal('client', 'the client is not connected');
  await sendControlMessage(context, to, now.clientBrokerId, {
    type: 'moving',
    sessionId,
    epoch: toEpoch,
    fromEpoch: epoch,
    coordinatorBrokerId,
    claimWithinMs: clientMs,
  });
  return replies.waitForNext('client', clientMs + deliveryMs);
}

function moveRefusal(by: MoveParty, reason: string): MoveRefusal {
  return { kind: 'refused', by, reason };
}

/** @param by the party whose reply was expected */
function toMoveRefusal(reply: MoveReply, by: MoveParty): MoveRefusal {
  return reply.kind === 'refused' ? reply : moveRefusal(by, `unexpected reply: ${reply.kind}`);
}
