import type { CannotMove } from '@duskline/protocol';
import type { HostConnection } from '../connections/connections.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { ActiveMovesPort } from './active-moves.js';
import { refuseMove } from './reply-to-coordinator.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';

/** The source host or the target host refuses to move a session. The host gets an answer only if there is no such move. */
export async function receiveCannotMove(
  context: BrokerSettings & Runtime & StoreAccess & Events & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch, reason = 'the host gave no reason' }: CannotMove,
): Promise<void> {
  const { outgoing, incoming } = context.activeMoves;
  const out = outgoing.get(sessionId);
  const into = incoming.get(sessionId);
  if (out?.host === host && out.epoch === epoch) {
    context.activeMoves.applyToSource(out, { type: 'refused' });
    await refuseMove(context, out, 'source', reason);
  } else if (into?.host === host && into.epoch === epoch) {
    context.activeMoves.applyToTarget(into, { type: 'refused' });
    const { coordinatorBrokerId } = into;
    const attempt = { sessionId, to: host.regionPool, toEpoch: epoch, coordinatorBrokerId };
    await refuseMove(context, attempt, 'target', reason);
  } else {
    host.channel.send(
      errorMessage(new Refusal('NO_MOVE'), context.random, { inReplyTo: 'cannot_move', sessionId }),
    );
  }
}
