import type { Cancel } from '@duskline/protocol';
import type { RequestRecord } from '../../store/fleet-store.js';
import { locateSession } from '../requests/attach-earlier-session.js';
import { takeOverRequest } from '../requests/request-record.js';
import type { ClientConnection, PendingRequest } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { leaveAllQueues } from '../queue/accept-offer.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import { endLinkedSession, sendEndRefusal } from './end-linked-session.js';

/** Answers `cancel`: sends `error CANCELLED` for the request, and ends the session that the request became, if any. */
export async function cancelPlay(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  { requestId }: Cancel,
): Promise<void> {
  const pending = client.pendingRequests.get(requestId);
  if (pending !== undefined) {
    await cancelPending(context, client, requestId, pending);
    return;
  }
  try {
    const matched = [...client.sessions].find(([, session]) => session.request.requestId === requestId);
    if (matched !== undefined) await endLinkedSession(context, client, matched[0]);
    else await endSessionOfRequest(context, client, requestId);
    client.channel.send(errorMessage(new Refusal('CANCELLED'), { requestId }));
  } catch (error) {
    sendEndRefusal(context, client, error, { requestId });
  }
}

/** Cancels a request that has no answer yet. `answerRequest` sends the `error CANCELLED`. */
async function cancelPending(
  context: CorePorts & Requests,
  client: ClientConnection,
  requestId: string,
  pending: PendingRequest,
): Promise<void> {
  // `answerRequest` reads the mark when it has a slot, and releases the slot.
  pending.cancelled = true;
  const waiting = context.waitingRequests.findByRequest(client, requestId);
  if (waiting === undefined) return;
  try {
    await cancelWaiting(context, waiting);
  } catch (error) {
    pending.cancelled = false;
    sendEndRefusal(context, client, error, { requestId });
  }
}

/** Ends the session of a request from an earlier connection, which may have been to another broker. */
async function endSessionOfRequest(
  context: CorePorts & Requests,
  client: ClientConnection,
  requestId: string,
): Promise<void> {
  const record = await context.batches.findRequest({ playerId: client.playerId, requestId });
  if (record !== null) await withdrawRequest(context, client, requestId, record);
  const found = record === null ? undefined : await locateSession(context, record);
  if (found === undefined || found.session.meta?.playerId !== client.playerId) return;
  const { sessionId, epoch } = found.session;
  const outcome = await context.batches.endSession(found.regionPool, {
    sessionId,
    epoch,
    reason: 'client_left',
  });
  if (outcome.kind === 'ended') notifyAllOfEnd(context, found.regionPool, [outcome]);
}

/**
 * Takes a request that waits on this broker out of its queues. While an accepted offer is on its way to the store,
 * `answerRequest` ends the session instead.
 */
async function cancelWaiting(context: CorePorts, request: WaitingRequest): Promise<void> {
  const { sessionId, requestEpoch: epoch, client, message } = request;
  const [regionPool] = request.queues.values();
  if (regionPool !== undefined) {
    await takeOverRequest(context, client.playerId, message.requestId, {
      sessionId,
      epoch,
      regionPool,
    });
  }
  await leaveAllQueues(context, request);
  if (request.accepting) return;
  // No broker goes on with the request. Without its record the player's next request meets no conflict.
  await context.store.deleteRequest(client.playerId, message.requestId);
  request.reject(new Refusal('CANCELLED'));
}

/** Takes a request that waits since an earlier connection, perhaps to another broker, out of every queue. */
async function withdrawRequest(
  context: CorePorts & Requests,
  client: ClientConnection,
  requestId: string,
  record: RequestRecord,
): Promise<void> {
  const { sessionId } = record;
  const position = await findQueuePosition(context, record);
  if (position === undefined) return;
  const waiting = context.waitingRequests.findBySession(sessionId);
  if (waiting !== undefined && !waiting.accepting) {
    await cancelWaiting(context, waiting);
    return;
  }
  // With a higher epoch in the store, a broker that still has the request cannot queue it again.
  await takeOverRequest(context, client.playerId, requestId, record);
  await Promise.all(
    position.regionPools.map((queue) =>
      context.batches.withdrawPlacement(queue, { sessionId, belowEpoch: 0 }),
    ),
  );
}
