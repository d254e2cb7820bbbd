import type { Replaced } from '@duskline/protocol';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { Reporting } from '../reporting.js';
import type { StoreAccess } from '../store-access/ports.js';

/** Tells a client that another connection or request of its player has its request from now on. */
export function sendReplaced(
  { observer }: Reporting,
  client: ClientConnection,
  replaced: Omit<Replaced, 'type'>,
): void {
  observer.requestReplaced();
  client.channel.send({ type: 'replaced', ...replaced });
}

/** A session of this connection belongs to another request of the player, or to a repeat of its own request elsewhere. */
export function notifyReplaced(
  context: Connections & Reporting,
  client: ClientConnection,
  sessionId: string,
  byRequestId: string,
): void {
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  context.connections.unlinkSession(sessionId);
  sendReplaced(context, client, { requestId: known.request.requestId, sessionId, byRequestId });
}

/** The same for a session that continues on another broker: the store knows which request has it. */
export async function notifyReplacedElsewhere(
  context: StoreAccess & Connections & Reporting,
  client: ClientConnection,
  known: ClientSession,
  sessionId: string,
): Promise<void> {
  const { requestId } = known.request;
  try {
    const record = await context.batches.findRequest({ playerId: client.playerId, requestId });
    // The client may have repeated the request meanwhile, and has the session again.
    if (client.sessions.get(sessionId) !== known) return;
    notifyReplaced(context, client, sessionId, record?.replacedBy ?? requestId);
  } catch {
    // The store is unreachable. The periodic check of all sessions finds that this one is elsewhere.
  }
}
