import type { RegionPool } from '../../domain/catalog.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import type { ActiveMovesPort } from './active-moves.js';
import { toRefusal } from '../refusal.js';
import { requestCheckpoint } from './source-host/checkpoint-on-source.js';
import { removeFromSource, resumeOnSource } from './source-host/end-outgoing-move.js';
import { resendMatched } from '../recovery/resend-matched.js';
import { handleClientArrived, handleMoveCancelled } from './client/receive-move-result.js';
import { requestRestore } from './target-host/restore-on-target.js';
import { sendMoving } from './client/send-moving.js';
import type { ControlMessage } from '../messaging/control-messages.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Handles a control message that another broker, or this one, sent to this broker. Never rejects. */
export async function handleControlMessage(
  context: BrokerSettings &
    Runtime &
    StoreAccess &
    Events &
    Reporting &
    Connections &
    Credentials &
    ActiveMovesPort,
  regionPool: RegionPool,
  message: ControlMessage,
): Promise<void> {
  try {
    await dispatchControlMessage(context, regionPool, message);
  } catch (error) {
    // The coordinator gets no reply, and its deadline ends the move.
    const { sessionId, type } = message;
    if (toRefusal(error).code === 'UNAVAILABLE') context.storeHealth.recordFailure();
    context.log.warn({ err: error, sessionId, type }, 'could not handle a control message');
  }
}

async function dispatchControlMessage(
  context: BrokerSettings & Runtime & StoreAccess & Events & Connections & Credentials & ActiveMovesPort,
  regionPool: RegionPool,
  message: ControlMessage,
): Promise<void> {
  switch (message.type) {
    case 'checkpoint':
      await requestCheckpoint(context, regionPool, message);
      return;
    case 'resume':
      resumeOnSource(context, regionPool, message);
      return;
    case 'moved_away':
      removeFromSource(context, regionPool, message);
      return;
    case 'restore':
      await requestRestore(context, regionPool, message);
      return;
    case 'moving':
      await sendMoving(context, regionPool, message);
      return;
    case 'cancelled':
      handleMoveCancelled(context, message);
      return;
    case 'arrived':
      await handleClientArrived(context, regionPool, message);
      return;
    case 'endpoint_changed':
      await resendMatched(context, regionPool, message);
      return;
    case 'reply': {
      const move = context.activeMoves.coordinated.get(message.sessionId);
      if (move?.toEpoch === message.epoch) move.dispatch({ type: 'replied', reply: message.reply });
      return;
    }
    default:
      message satisfies never;
  }
}
