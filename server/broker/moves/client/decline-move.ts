import type { Stay } from '@duskline/protocol';
import type { ClientConnection } from '../../connections/connections.js';
import type { CorePorts } from '../../core-ports.js';
import { Refusal, errorMessage, toRefusal } from '../../refusal.js';
import { cancelMove } from '../coordinator/cancel-move.js';
import { refuseMove } from '../reply-to-coordinator.js';

/**
 * Cancels a move because its client could not connect to the target host, or does not want to. The client gets an error if
 * there is no such move or the session is on the target host already; otherwise nothing.
 */
export async function declineMove(
  context: CorePorts,
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
    client.channel.send(errorMessage(refusal, context.random, { sessionId }));
  }
}

/** @throws Refusal UNKNOWN_SESSION, NO_MOVE, UNAVAILABLE */
async function cancelPendingMove(
  context: CorePorts,
  client: ClientConnection,
  { sessionId, epoch }: Stay,
): Promise<void> {
  const known = client.sessions.get(sessionId);
  if (known === undefined) throw new Refusal('UNKNOWN_SESSION');
  const { pendingMove } = known;
  if (pendingMove?.epoch !== epoch) throw new Refusal('NO_MOVE');
  const { regionPool, hostId, epoch: fromEpoch } = known;
  const { regionPool: to, coordinatorBrokerId } = pendingMove;
  const move = { regionPool, sessionId, hostId, epoch: fromEpoch, to, toEpoch: epoch };
  if ((await cancelMove(context, move)) === 'arrived') throw new Refusal('NO_MOVE');
  // The client may have been sent to another host while the store answered.
  if (known.pendingMove === pendingMove) known.pendingMove = null;
  const attempt = { sessionId, to, toEpoch: epoch, coordinatorBrokerId };
  await refuseMove(context, attempt, 'client', 'the client declined');
}
