import type { SessionEffect } from '../../domain/client-session/effects.js';
import type { ClientSessionRecord, ClientSessionTypes } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';
import { renewLiveRequests } from '../placement/renew-live-requests.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

type RenewEffect = Extract<SessionEffect<ClientSessionTypes>, { readonly type: 'renew' }>;

/**
 * Renews the live request of a session that its host brought back, and tells the session's machine whether it is still the player's. After
 * an outage of the store the call is repeated.
 */
export async function keepReturnedSession(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  session: ClientSessionRecord,
  { call, epoch, regionPool }: RenewEffect,
): Promise<void> {
  const { sessionId, playerId } = session;
  let isLive = true;
  try {
    const ended = await context.repeatedCalls.run(session, 1, () =>
      renewLiveRequests(context, regionPool, [{ playerId, sessionId, epoch }]),
    );
    isLive = !ended.has(sessionId);
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'the live request of a returned session was not renewed');
  }
  context.sessionRunner.dispatch(session, { type: 'renewed', call, isLive });
}
