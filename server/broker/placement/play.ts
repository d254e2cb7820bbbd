import type { Play } from '@duskline/protocol';
import { answerRequest } from './answer-request.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { findSlot } from './find-slot.js';

/**
 * Answers `play`: exactly one `matched` or `error` per request, unless its connection is lost before. Resolves when
 * it was sent, or when the request begins to wait for its turn: then nothing is under way here.
 */
export function play(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  message: Play,
): Promise<void> | void {
  // The answer to the first frame is on its way; it answers the repeated one too.
  if (client.pendingRequests.has(message.requestId)) return;
  return answerRequest(context, client, message, () =>
    client.resumed
      ? context.arrivalLimiter.begin().then(() => findSlot(context, client, message))
      : findSlot(context, client, message),
  );
}
