import type { EndSession } from '@duskline/protocol';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { RequestRunning, Requests } from '../requests/ports.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
import { endLinkedSession, sendEndRefusal } from './end-linked-session.js';

/** Answers `end`: the session ends with `client_left`, and the client receives its last `session` message. */
export async function endSession(
  context: CorePorts & Connections & Requests & RequestRunning,
  client: ClientConnection,
  { sessionId }: EndSession,
): Promise<void> {
  try {
    // The host was lost, and the session is being placed again or waits for another slot.
    const active = context.activeRequests.findOfSession(client, sessionId);
    if (active === undefined) {
      await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () =>
        endLinkedSession(context, client, sessionId),
      );
    } else {
      active.withdrawnBy ??= 'end';
      context.requestRunner.dispatch(active, { type: 'cancelled' });
    }
  } catch (error) {
    sendEndRefusal(context, client, error, 'end', { sessionId });
  }
}
