import type { Cancel } from '@duskline/protocol';
import type { RequestKey } from '../../store/fleet-store.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { ClientConnection, ClientSessionRecord } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { locateSession } from '../requests/attach-earlier-session.js';
import type { RequestRunning, Requests } from '../requests/ports.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import { raiseRequestEpoch } from '../requests/request-record.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
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
    await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () =>
      endEarlierRequest(context, { playerId: client.playerId, requestId }),
    );
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

/** Ends the wait or the session of a request from an earlier connection, which may have been to another broker. */
async function endEarlierRequest(
  context: BrokerSettings & StoreAccess & Events & Reporting & Requests & RequestRunning,
  key: RequestKey,
): Promise<void> {
  const { playerId, requestId } = key;
  // The request is active on another connection of the player to this broker.
  const active = context.activeRequests.findOfPlayer(playerId, requestId);
  if (active !== undefined) {
    context.requestRunner.dispatch(active, { type: 'cancelled' });
    await context.activeRequests.untilClosed(active);
    return;
  }
  const record = await context.batches.findRequest(key);
  // A replaced request has nothing to end: its session may belong to the request that resumed it.
  if (record === null || record.state === 'replaced') return;
  const position = await findQueuePosition(context, record);
  if (position !== undefined) {
    // With a higher epoch in the store, a broker that still has the request cannot queue it again.
    const belowEpoch = await raiseRequestEpoch(context, playerId, requestId, record);
    await withdrawRequest(context, position.queues, { sessionId: record.sessionId, belowEpoch });
    await context.store.clearLiveRequests([{ playerId, sessionId: record.sessionId, epoch: belowEpoch }]);
  }
  const found = await locateSession(context, record);
  if (found === undefined || found.session.meta?.playerId !== playerId) return;
  const { sessionId, epoch } = found.session;
  const outcome = await context.batches.endSession(found.regionPool, {
    sessionId,
    epoch,
    reason: 'client_left',
  });
  if (outcome.kind !== 'ended') return;
  clearLiveRequest(context, playerId, outcome.session);
  notifyAllOfEnd(context, found.regionPool, [outcome]);
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
