import type { EndSession } from '@duskline/protocol';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import { Refusal } from '../refusal.js';
import { cancelPlay } from './cancel-request.js';
import { endLinkedSession, sendEndRefusal } from './end-linked-session.js';

/** Answers `end`: the session ends with `client_left`, and the client receives its last `session` message. */
export async function endSession(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  { sessionId }: EndSession,
): Promise<void> {
  try {
    await endOwnSession(context, client, sessionId);
  } catch (error) {
    sendEndRefusal(context, client, error, { sessionId });
  }
}

/**
 * Ends a session of this client. Its slot is free when this resolves.
 *
 * @throws Refusal UNKNOWN_SESSION, STALE_EPOCH, UNAVAILABLE
 */
export async function endOwnSession(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  sessionId: string,
): Promise<void> {
  if (client.sessions.has(sessionId)) {
    await endLinkedSession(context, client, sessionId);
    return;
  }
  // The host was lost before it admitted the client, and the request of the session waits for another slot.
  const waiting = context.waitingRequests.findBySession(sessionId);
  if (waiting?.client !== client) throw new Refusal('UNKNOWN_SESSION');
  await cancelPlay(context, client, { type: 'cancel', requestId: waiting.message.requestId });
}
