import type { RegionPool } from '../../domain/catalog.js';
import type { BrokerContext } from '../context.js';
import type { ControlMessage } from './control-messages.js';

/** Tells a broker something, also this one. Resolves when it is on its way. */
export async function sendControlMessage(
  context: BrokerContext,
  place: RegionPool,
  brokerId: string,
  message: ControlMessage,
): Promise<void> {
  if (brokerId === context.brokerId) {
    context.handleControlMessage(place, message);
    return;
  }
  if (await context.store.sendControlMessage(place, brokerId, JSON.stringify(message)))
    context.store.sendWakeUp(brokerId, place);
}
