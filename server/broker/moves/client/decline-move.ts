import type { Stay } from '@duskline/protocol';
import { pendingMoveOf } from '../../../domain/client-session/client-session.js';
import { heldBy } from '../../connections/client-session-directory.js';
import type { ClientConnection } from '../../connections/connections.js';
import type { Connections } from '../../connections/ports.js';
import { Refusal, errorMessage, toRefusal } from '../../refusal.js';
import { cancelMove } from '../coordinator/cancel-move.js';
import { refuseMove } from '../reply-to-coordinator.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

/**
 * Cancels a move because its client could not connect to the target host, or does not want to. The client gets an error if
 * there is no such move or the session is on the target host already; otherwise nothing.
 */
export async function declineMove(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  client: ClientConnection,
  message: Stay,
): Promise<void> {
  const { sessionId } = message;
  try {
    await cancelPendingMove(context, client, message);
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') {
      context.log.error({ err: error, sessionId }, 'could not cancel the move that a client declined');
    }
    client.channel.send(errorMessage(refusal, context.random, { inReplyTo: 'stay', sessionId }));
  }
}

/** @throws Refusal UNKNOWN_SESSION, NO_MOVE, UNAVAILABLE */
async function cancelPendingMove(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  client: ClientConnection,
  { sessionId, epoch }: Stay,
): Promise<void> {
  const session = client.sessions.get(sessionId);
  const held = heldBy(session);
  if (session === undefined || held === undefined) throw new Refusal('UNKNOWN_SESSION');
  const pendingMove = pendingMoveOf(session.state);
  if (pendingMove?.assignment.epoch !== epoch) throw new Refusal('NO_MOVE');
  const { regionPool, hostId } = held.assignment;
  const { epoch: fromEpoch } = held;
  const { assignment, coordinatorBrokerId } = pendingMove;
  const to = assignment.regionPool;
  const move = { regionPool, sessionId, hostId, epoch: fromEpoch, to, toEpoch: epoch };
  if ((await cancelMove(context, move)) === 'arrived') throw new Refusal('NO_MOVE');
  context.sessionRunner.dispatch(session, { type: 'move_cancelled', epoch });
  const attempt = { sessionId, to, toEpoch: epoch, coordinatorBrokerId };
  await refuseMove(context, attempt, 'client', 'the client declined');
}
