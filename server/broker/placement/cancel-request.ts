import type { Cancel } from '@duskline/protocol';
import type { RequestKey } from '../../store/fleet-store.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { ClientConnection, ClientSessionRecord } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import type { RequestRunning, Requests } from '../requests/ports.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
import { endEarlierRequest } from './end-earlier-request.js';
import { orderEnd } from './end-session.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Answers each `cancel` with `error CANCELLED`, once the request is over and the session that it became has ended. */
export async function cancelPlay(
  context: BrokerSettings &
    Runtime &
    StoreAccess &
    Events &
    Reporting &
    Connections &
    Requests &
    RequestRunning,
  client: ClientConnection,
  { requestId }: Cancel,
): Promise<void> {
  const active = context.activeRequests.find(client, requestId);
  if (active !== undefined && active.state.phase.name !== 'leaving') {
    // The machine of the request answers, in any phase.
    active.withdrawnBy = 'cancel';
    context.requestRunner.dispatch(active, { type: 'cancelled' });
    return;
  }
  try {
    // The request has its answer already, and this cancel gets one of its own after that.
    if (active !== undefined) await context.activeRequests.untilClosed(active);
    const matched = findSessionOfRequest(client, requestId);
    if (matched !== undefined) {
      await orderEnd(context, matched, client, requestId);
      return;
    }
    const key = { playerId: client.playerId, requestId };
    await cancelOnThisBroker(context, key);
    await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () => endEarlierRequest(context, key));
    client.channel.send(
      errorMessage(new Refusal('CANCELLED'), context.random, { inReplyTo: 'cancel', requestId }),
    );
  } catch (error) {
    sendCancelRefusal(context, client, error, requestId);
  }
}

function findSessionOfRequest(client: ClientConnection, requestId: string): ClientSessionRecord | undefined {
  return [...client.sessions.values()].find(
    (session) => heldBy(session)?.assignment.request.requestId === requestId,
  );
}

/** Cancels the request on all other connections of the player to this broker. */
async function cancelOnThisBroker(
  context: Requests & RequestRunning,
  { playerId, requestId }: RequestKey,
): Promise<void> {
  const { activeRequests, requestRunner } = context;
  const active = activeRequests.ofPlayer(playerId).filter(({ message }) => message.requestId === requestId);
  await Promise.all(
    active.map((request) => {
      const closed = activeRequests.untilClosed(request);
      requestRunner.dispatch(request, { type: 'cancelled' });
      return closed;
    }),
  );
}

/** Sends the `error` for a `cancel` that failed, and logs it when the server is at fault. */
function sendCancelRefusal(
  context: Runtime & Reporting,
  client: ClientConnection,
  error: unknown,
  requestId: string,
): void {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL')
    context.log.error({ err: error, requestId }, 'a request could not be cancelled');
  client.channel.send(errorMessage(refusal, context.random, { inReplyTo: 'cancel', requestId }));
}
