import { brokerIdOf } from '../../../domain/connection-id.js';
import type { MoveEffect, MoveEvent, MoveStep } from '../../../domain/move/coordinated-move.js';
import type { MoveParty } from '../../../domain/move/move-reply.js';
import { moveDeadlines } from '../../../domain/move-deadlines.js';
import type { Events } from '../../messaging/broker-events.js';
import { sendControlMessage } from '../../messaging/send-control-message.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { MoveInProgress } from './cancel-move.js';

type Ports = BrokerSettings & StoreAccess & Events;
type Request = Extract<MoveEffect, { readonly type: 'request' }>;

/**
 * Asks the next party of a move: the source host for its checkpoint, the target host to restore it, the client to change hosts.
 *
 * @returns whether the party was asked
 * @throws StoreUnavailableError
 */
export function requestStep(context: Ports, move: MoveInProgress, request: Request): Promise<MoveEvent> {
  switch (request.step) {
    case 'checkpoint':
      return requestCheckpoint(context, move);
    case 'restore':
      return requestRestore(context, move, request);
    case 'client':
      return requestClientMove(context, move);
  }
}

async function requestCheckpoint(
  context: Ports,
  { regionPool, sessionId, hostId, epoch, to, toEpoch }: MoveInProgress,
): Promise<MoveEvent> {
  const { store, brokerId: coordinatorBrokerId, limits } = context;
  const { checkpointMs, pausedMs } = moveDeadlines(limits.moveStepMs);
  const [host] = await store.getEndpoints(regionPool, [hostId]);
  if (host === null || host === undefined)
    return requestFailed('checkpoint', 'source', 'the host is not connected');
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
  return { type: 'requested', step: 'checkpoint' };
}

async function requestRestore(
  context: Ports,
  { sessionId, to, toEpoch }: MoveInProgress,
  { target, reference }: Request,
): Promise<MoveEvent> {
  const { brokerId: coordinatorBrokerId, limits } = context;
  const { restoreMs, claimMs } = moveDeadlines(limits.moveStepMs);
  await sendControlMessage(context, to, brokerIdOf(target.hostConnectionId), {
    type: 'restore',
    sessionId,
    epoch: toEpoch,
    coordinatorBrokerId,
    withinMs: restoreMs,
    claimWithinMs: claimMs,
    reference,
  });
  return { type: 'requested', step: 'restore' };
}

async function requestClientMove(
  context: Ports,
  { regionPool, sessionId, epoch, to, toEpoch }: MoveInProgress,
): Promise<MoveEvent> {
  const { store, brokerId: coordinatorBrokerId, limits } = context;
  const { clientMs } = moveDeadlines(limits.moveStepMs);
  // Read again, because the client may have changed brokers since the move began.
  const [now] = await store.getSessions(regionPool, [sessionId]);
  if (now?.epoch !== epoch || now.state === 'ended')
    return requestFailed('client', 'client', 'the session has ended', true);
  if (now.clientBrokerId === '') return requestFailed('client', 'client', 'the client is not connected');
  await sendControlMessage(context, to, now.clientBrokerId, {
    type: 'moving',
    sessionId,
    epoch: toEpoch,
    fromEpoch: epoch,
    coordinatorBrokerId,
    claimWithinMs: clientMs,
  });
  return { type: 'requested', step: 'client' };
}

function requestFailed(step: MoveStep, by: MoveParty, reason: string, isSessionOver = false): MoveEvent {
  return { type: 'request_failed', step, failure: { by, reason }, isSessionOver };
}
