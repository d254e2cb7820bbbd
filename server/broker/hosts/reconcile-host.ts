import type { SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections/connections.js';
import { dispatchToHost } from '../messaging/notify-host.js';
import { notifyAllOfEnd, notifyAllOfChange } from '../messaging/session-events.js';
import { renewLiveRequests } from '../placement/renew-live-requests.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';
import { sendReservations } from './send-reservations.js';

/** Makes store and host agree about the host's sessions, and notifies the host, its clients and other brokers of changes. */
export async function reconcileHost(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  host: HostConnection,
): Promise<void> {
  const { regionPool, registration, channel } = host;
  const { hostId } = registration;
  // Otherwise a session whose end an outage of the store has held up would count as lost, and its player would get another host.
  await Promise.allSettled([...host.endsUnderWay]);
  const connection = { hostId, connectionId: channel.connectionId };
  const result = await context.store.reconcileHost(regionPool, connection, host.sessions.listed);
  if (result.outcome === 'replaced') {
    channel.closeWith('CONNECTION_REPLACED');
    return;
  }
  // An adopted session is not movable in the store. Forgetting it here makes the next heartbeat record it.
  for (const { sessionId } of result.adopted) host.sessions.apply(sessionId, { type: 'adopted' });
  for (const { sessionId, epoch, reason } of result.rejected)
    dispatchToHost(host, sessionId, { type: 'ended', epoch, reason });
  notifyAllOfEnd(context, regionPool, result.ended);
  for (const session of result.adopted) notifyAllOfChange(context, regionPool, session);
  void renewReturned(context, host, result.returned);
  if (host.mustReconcile) {
    sendReservations(context, host, await context.store.listHostSessions(regionPool, hostId));
    host.mustReconcile = false;
  }
  if (result.ended.length + result.rejected.length + result.adopted.length > 0) {
    context.log.info(
      {
        ...regionPool,
        hostId,
        ended: result.ended.length,
        rejected: result.rejected.length,
        adopted: result.adopted.length,
      },
      'host and store reconciled',
    );
  }
}

/** Renews the live requests of sessions that the host brought back. After an outage of the store it is repeated. */
async function renewReturned(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  host: HostConnection,
  sessions: readonly SessionRecord[],
): Promise<void> {
  const { regionPool, registration } = host;
  const returned = sessions.flatMap(({ sessionId, epoch, meta }) =>
    meta === null ? [] : [{ playerId: meta.playerId, sessionId, epoch }],
  );
  if (returned.length === 0) return;
  try {
    await context.repeatedCalls.run(host, registration.slots, () =>
      renewLiveRequests(context, regionPool, returned),
    );
  } catch (error) {
    const { hostId } = registration;
    context.log.warn(
      { err: error, ...regionPool, hostId },
      'live requests of returned sessions were not renewed',
    );
  }
}
