import type { Play } from '@duskline/protocol';
import type { ClientConnection } from '../connections/connections.js';
import type { RequestRunning, Requests } from '../requests/ports.js';

/**
 * Answers `play` with exactly one `matched`, `error` or `replaced`, unless its connection is lost first. Resolves when the
 * answer has been sent, or when the request begins to wait in a queue.
 */
export function play(
  context: Requests & RequestRunning,
  client: ClientConnection,
  message: Play,
): Promise<void> | void {
  // One answer serves the first frame and its repeats.
  if (context.activeRequests.find(client, message.requestId) !== undefined) return;
  return context.requestRunner.begin(client, message).atRest;
}
