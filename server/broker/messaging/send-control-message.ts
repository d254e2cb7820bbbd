import type { RegionPool } from '../../domain/catalog.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';
import type { ControlMessage } from './control-messages.js';

/** Sends a control message to a broker, which may be this one. Resolves when the message is in that broker's inbox. */
export async function sendControlMessage(
  context: BrokerSettings & StoreAccess & Events,
  regionPool: RegionPool,
  brokerId: string,
  message: ControlMessage,
): Promise<void> {
  if (brokerId === context.brokerId) {
    context.events.emit('controlMessage', regionPool, message);
    return;
  }
  if (await context.store.sendControlMessage(regionPool, brokerId, JSON.stringify(message)))
    context.store.sendWakeUp(brokerId, regionPool);
}
