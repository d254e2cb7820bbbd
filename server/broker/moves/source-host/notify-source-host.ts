import type { RegionPool } from '../../../domain/catalog.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import type { Events } from '../../messaging/broker-events.js';
import { sendControlMessage } from '../../messaging/send-control-message.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';

/** Notifies the source host's broker that the session is on another host of the region pool now. */
export async function notifySourceHost(
  context: BrokerSettings & StoreAccess & Events,
  regionPool: RegionPool,
  source: { readonly hostId: string; readonly sessionId: string; readonly epoch: number },
): Promise<void> {
  const [endpoint] = await context.store.getEndpoints(regionPool, [source.hostId]);
  if (endpoint === null || endpoint === undefined) return;
  await sendControlMessage(context, regionPool, brokerIdOf(endpoint.connectionId), {
    type: 'moved_away',
    ...source,
  });
}
