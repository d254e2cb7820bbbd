import type { EndSession } from '@duskline/protocol';
import type { Runtime } from '../../runtime/runtime.js';
import type { ClientConnection, ClientSessionRecord, EndOrder } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { RequestRunning, Requests } from '../requests/ports.js';

/** Handles `end`: the session ends with `client_left`, and the client receives its last `session` message. */
export function endSession(
  context: Runtime & Connections & Requests & RequestRunning,
  client: ClientConnection,
  { sessionId }: EndSession,
): Promise<void> | void {
  const session = client.sessions.get(sessionId);
  // The host was lost, and the session is being placed again or waits for another slot.
  const active = context.activeRequests.findOfSession(client, sessionId);
  if (active !== undefined) {
    active.withdrawnBy ??= 'end';
    context.requestRunner.dispatch(active, { type: 'cancelled' });
    return;
  }
  if (session !== undefined) return orderEnd(context, session, client, null);
  refuseEnd(context, client, sessionId);
}

/**
 * Orders the end of a session that the connection has. Resolves when the order is answered.
 *
 * @param requestId of the `cancel` that orders it; `null` for an `end`
 */
export function orderEnd(
  { sessionRunner }: Connections,
  session: ClientSessionRecord,
  client: ClientConnection,
  requestId: string | null,
): Promise<void> {
  return new Promise((markAnswered) => {
    const order = { client, requestId, markAnswered };
    sessionRunner.dispatch(session, { type: 'end_ordered', order });
  });
}

/** The client ends a session that is being placed again because it repeats its request: the request is cancelled. */
export function cancelReplacement(
  context: Runtime & Connections & Requests & RequestRunning,
  { sessionId, state: { phase } }: ClientSessionRecord,
  { client, markAnswered }: EndOrder,
): void {
  const requestId = phase.name === 'replacing' ? phase.held.assignment.request.requestId : '';
  const active = context.activeRequests.find(client, requestId);
  markAnswered();
  if (active === undefined) {
    refuseEnd(context, client, sessionId);
    return;
  }
  active.withdrawnBy ??= 'end';
  context.requestRunner.dispatch(active, { type: 'cancelled' });
}

function refuseEnd({ random }: Runtime, client: ClientConnection, sessionId: string): void {
  const refusal = new Refusal('UNKNOWN_SESSION');
  client.channel.send(errorMessage(refusal, random, { inReplyTo: 'end', sessionId }));
}
