import type { Play } from '@duskline/protocol';
import { answerRequest } from './answer-request.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { findSlot } from './find-slot.js';

/**
 * Answers `play` with exactly one `matched` or `error` per request, unless its connection is lost first. Resolves when the
 * answer has been sent, or when the request begins to wait in a queue.
 */
export function play(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  message: Play,
): Promise<void> | void {
  // One answer serves the first frame and its repeats.
  if (client.pendingRequests.has(message.requestId)) return;
  return answerRequest(context, client, message, () =>
    client.resumed
      ? context.arrivalLimiter.begin().then(() => findSlot(context, client, message))
      : findSlot(context, client, message),
  );
}
