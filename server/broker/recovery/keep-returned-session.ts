import type { SessionEffect } from '../../domain/client-session/effects.js';
import type { ClientSessionRecord, ClientSessionTypes } from '../connections/connections.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';
import { renewLiveRequests } from '../placement/renew-live-requests.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

type RenewEffect = Extract<SessionEffect<ClientSessionTypes>, { readonly type: 'renew_live' }>;

/** Renews the live request of a session that its client keeps on the host that came back. After an outage of the store it is repeated. */
export async function keepReturnedSession(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  session: ClientSessionRecord,
  { epoch, regionPool }: RenewEffect,
): Promise<void> {
  const { sessionId, playerId } = session;
  try {
    await context.repeatedCalls.run(session, 1, () =>
      renewLiveRequests(context, regionPool, [{ playerId, sessionId, epoch }]),
    );
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'the live request of a returned session was not renewed');
  }
}
