import type { RegionPool } from '../../domain/catalog.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Connections } from '../connections/ports.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';
import { emitSessionChange } from './session-events.js';
import { parseControlMessage } from './control-messages.js';
import { deliverRelayedMessage } from './relay-signals.js';

/** Reads this broker's inbox of one region pool: notifies connections of changed sessions, then delivers messages. */
export async function pollInbox(
  context: BrokerSettings & Runtime & StoreAccess & Connections & Events & Reporting,
  regionPool: RegionPool,
): Promise<void> {
  const { store, brokerId } = context;
  // Messages are taken first and delivered last, so that a host gets `prepare` before the first signal of the session's client.
  const [messages, sessions] = await Promise.allSettled([
    store.takeMessages(regionPool, brokerId),
    store.takeChangedSessions(regionPool, brokerId),
  ]);
  if (sessions.status === 'fulfilled') {
    for (const session of sessions.value) emitSessionChange(context, regionPool, session);
  }
  if (messages.status === 'fulfilled') {
    // Delivery is synchronous and in order. The promises are replies to senders whose message could not be delivered.
    const deliveries: Promise<void>[] = [];
    for (const message of messages.value) {
      if (message.kind === 'control')
        context.events.emit('controlMessage', regionPool, parseControlMessage(message.body));
      else deliveries.push(deliverRelayedMessage(context, regionPool, message));
    }
    await Promise.all(deliveries);
  }
  for (const result of [messages, sessions]) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** Polls the inboxes of all region pools, in case a wake-up was lost, and refreshes what this broker knows of the fleet and of the store's time. */
export async function pollAllInboxes(
  context: BrokerSettings & Runtime & StoreAccess & Connections & Events & Reporting,
): Promise<void> {
  await Promise.all([
    context.storeClock.synchronise(),
    context.fleet.refresh(context.brokerId, (regionPool) => pollInbox(context, regionPool)),
  ]);
}
