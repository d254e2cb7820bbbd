import type { RegionPool } from '../../domain/catalog.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import type { ActiveMovesPort } from './active-moves.js';
import { toRefusal } from '../refusal.js';
import { handleClientArrived, handleMoveCancelled, sendMoving } from './client-moves.js';
import { removeFromSource, requestCheckpoint, resumeOnSource } from './source-host-moves.js';
import { requestRestore } from './target-host-moves.js';
import type { ControlMessage } from '../messaging/control-messages.js';

/** Takes what a broker tells this one of a move, in the part that this one has in it. Never rejects. */
export async function handleControlMessage(
  context: CorePorts & Connections & Credentials & ActiveMovesPort,
  place: RegionPool,
  message: ControlMessage,
): Promise<void> {
  try {
    await dispatchControlMessage(context, place, message);
  } catch (error) {
    // Whoever waits for an answer has a deadline.
    const { sessionId, type } = message;
    if (toRefusal(error).code === 'UNAVAILABLE') context.storeHealth.recordFailure();
    context.log.warn({ err: error, sessionId, word: type }, 'a move could not go on here');
  }
}

async function dispatchControlMessage(
  context: CorePorts & Connections & Credentials & ActiveMovesPort,
  place: RegionPool,
  message: ControlMessage,
): Promise<void> {
  switch (message.type) {
    case 'checkpoint':
      await requestCheckpoint(context, place, message);
      return;
    case 'resume':
      resumeOnSource(context, place, message);
      return;
    case 'moved_away':
      removeFromSource(context, place, message);
      return;
    case 'restore':
      await requestRestore(context, place, message);
      return;
    case 'moving':
      await sendMoving(context, place, message);
      return;
    case 'cancelled':
      await handleMoveCancelled(context, place, message);
      return;
    case 'arrived':
      await handleClientArrived(context, place, message);
      return;
    case 'reply': {
      const replies = context.activeMoves.coordinated.get(message.sessionId);
      if (replies?.toEpoch === message.epoch) replies.add(message.reply);
      return;
    }
    default:
      message satisfies never;
  }
}
