import type { Runtime } from '../../runtime/runtime.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { Reporting } from '../reporting.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';

/**
 * Ends a session that is linked to this client's connection, with `client_left`. Its slot is free when this resolves.
 *
 * @throws Refusal UNKNOWN_SESSION, STALE_EPOCH, UNAVAILABLE
 */
export async function endLinkedSession(
  context: CorePorts & Connections,
  client: ClientConnection,
  sessionId: string,
): Promise<void> {
  const known = client.sessions.get(sessionId);
  if (known === undefined) throw new Refusal('UNKNOWN_SESSION');
  const { regionPool, epoch } = known;
  const outcome = await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'client_left' });
  switch (outcome.kind) {
    case 'ended':
      notifyAllOfEnd(context, regionPool, [outcome]);
      return;
    case 'over':
      // A control message may have reported the end while this broker waited for the store.
      if (!client.sessions.has(sessionId)) return;
      clearLiveRequest(context, client.playerId, { sessionId, epoch, reason: outcome.reason });
      client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: outcome.reason });
      context.connections.unlinkSession(sessionId);
      return;
    case 'stale':
      throw new Refusal('STALE_EPOCH');
    case 'unknown': {
      // The store has lost the session. Its host may still have it, and must not bring it back.
      const end = { sessionId, epoch, hostId: known.hostId, reason: 'client_left' } as const;
      notifyAllOfEnd(
        context,
        regionPool,
        await context.store.recordEnds(regionPool, [end], context.brokerId),
      );
      context.recentEnds.markUncertain(sessionId);
      if (!client.sessions.has(sessionId)) return;
      // Another broker recorded the end meanwhile.
      clearLiveRequest(context, client.playerId, end);
      client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'client_left' });
      context.connections.unlinkSession(sessionId);
      return;
    }
  }
}

/** Sends the `error` for an `end` or `cancel` that failed, and logs it when the server is at fault. */
export function sendEndRefusal(
  context: Runtime & Reporting,
  client: ClientConnection,
  error: unknown,
  subject: { readonly sessionId: string } | { readonly requestId: string },
): void {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL')
    context.log.error({ err: error, ...subject }, 'a session could not be ended');
  client.channel.send(errorMessage(refusal, context.random, subject));
}
