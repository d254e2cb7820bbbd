import type { Play } from '@duskline/protocol';
import { StoreUnavailableError } from '../../store/fleet-store.js';
import { sendMatched } from './answer-matched.js';
import type { ClientConnection, PendingRequest } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { endOwnSession } from './end-session.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { ClientDisconnected } from '../requests/waiting-requests.js';

/**
 * Answers a request with exactly one `matched` or `error`, unless its connection is lost first. Resolves when the answer
 * has been sent, or when the request begins to wait in a queue and causes no more work here for now.
 *
 * @param find finds a slot for the request; rejects with the refusal to send
 * @param onRefused called with a refusal just before that is sent to the client
 */
export function answerRequest(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  message: Play,
  find: () => Promise<PlacedSession>,
  onRefused: (refusal: Refusal) => void = () => undefined,
): Promise<void> {
  return new Promise<void>((resolve) => {
    const pending: PendingRequest = {
      cancelled: false,
      waited: false,
      startWaiting() {
        pending.waited = true;
        resolve();
      },
    };
    client.beginRequest(message.requestId, pending);
    void findAndAnswer(context, client, message, pending, find, onRefused).then(resolve);
  });
}

async function findAndAnswer(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  message: Play,
  pending: PendingRequest,
  find: () => Promise<PlacedSession>,
  onRefused: (refusal: Refusal) => void,
): Promise<void> {
  const { requestId } = message;
  const startedAt = performance.now();
  try {
    const placed = await find();
    const matched = await sendMatched(context, client, message, placed, () =>
      pending.cancelled ? cancelPlaced(context, client, placed) : undefined,
    );
    context.observer.requestMatched(
      placed.regionPool,
      matched.rank,
      performance.now() - startedAt,
      pending.waited,
    );
  } catch (error) {
    if (error instanceof ClientDisconnected) return;
    if (error instanceof StoreUnavailableError) context.storeHealth.recordFailure();
    const refusal = pending.cancelled ? new Refusal('CANCELLED') : toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, requestId }, 'play failed');
    context.observer.requestRefused(refusal.code);
    onRefused(refusal);
    client.channel.send(errorMessage(refusal, { requestId, sessionId: refusal.sessionId }));
  } finally {
    client.endRequest(requestId);
  }
}

async function cancelPlaced(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  { sessionId }: PlacedSession,
): Promise<never> {
  await endOwnSession(context, client, sessionId);
  throw new Refusal('CANCELLED');
}
