import type { Cancel, EndSession } from '@duskline/protocol';
import type { RequestRecord } from '../../store/fleet-store.js';
import { locateSession } from '../requests/earlier-outcome.js';
import { findRequestRecord, startNewAttempt } from '../requests/request-record.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Reporting } from '../reporting.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { leaveAllQueues } from '../queue/accept-offer.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';

/** Answers `end`: the session ends with `client_left`, and the client is told so. */
export async function endSession(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  { sessionId }: EndSession,
): Promise<void> {
  try {
    await endOwnSession(context, client, sessionId);
  } catch (error) {
    client.channel.send(errorMessage(toLoggedRefusal(context, error), { sessionId }));
  }
}

/** Answers `cancel`: `error CANCELLED` for the request, and the end of its session if it had become one. */
export async function cancelPlay(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  { requestId }: Cancel,
): Promise<void> {
  const pending = client.pendingRequests.get(requestId);
  if (pending !== undefined) {
    // `play` sees the mark when its answer is ready, gives the slot back and says so.
    pending.cancelled = true;
    const waiting = context.waitingRequests.findByRequest(client, requestId);
    if (waiting === undefined) return;
    try {
      await cancelWaiting(context, waiting);
    } catch (error) {
      pending.cancelled = false;
      client.channel.send(errorMessage(toLoggedRefusal(context, error), { requestId }));
    }
    return;
  }
  try {
    const matched = [...client.sessions].find(([, session]) => session.request.requestId === requestId);
    if (matched !== undefined) await endOwnSession(context, client, matched[0]);
    else await endSessionOfRequest(context, client, requestId);
    client.channel.send(errorMessage(new Refusal('CANCELLED'), { requestId }));
  } catch (error) {
    client.channel.send(errorMessage(toLoggedRefusal(context, error), { requestId }));
  }
}

/** The refusal to answer with; a fault of ours is logged, as the answer says it was. */
function toLoggedRefusal(context: Reporting, error: unknown): Refusal {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL') context.log.error({ err: error }, 'a session could not be ended');
  return refusal;
}

/** Ends the session of a request that was made on an earlier connection, perhaps of another broker. */
async function endSessionOfRequest(
  context: CorePorts & Requests,
  client: ClientConnection,
  requestId: string,
): Promise<void> {
  const record = await findRequestRecord(context, client.playerId, requestId);
  if (record !== undefined) await withdrawRequest(context, client, requestId, record);
  const found = record === undefined ? undefined : await locateSession(context, record);
  if (found === undefined || found.session.meta?.playerId !== client.playerId) return;
  const { sessionId, epoch } = found.session;
  const outcome = await context.batches.release(found.place, { sessionId, epoch, reason: 'client_left' });
  if (outcome.kind === 'ended') notifyAllOfEnd(context, found.place, [outcome]);
}

/**
 * A request that waits here gives up its places in the queues. When its turn is just being taken, `play` ends the
 * session.
 */
async function cancelWaiting(context: CorePorts, request: WaitingRequest): Promise<void> {
  const { sessionId, requestEpoch: epoch, client, message } = request;
  const [place] = request.queues.values();
  if (place !== undefined) {
    await startNewAttempt(context, client.playerId, message.requestId, {
      sessionId,
      epoch,
      regionPool: place,
    });
  }
  await leaveAllQueues(context, request);
  if (request.accepting) return;
  // Nobody else holds it: the player may ask for something else at once.
  await context.store.deleteRequest(client.playerId, message.requestId);
  request.reject(new Refusal('CANCELLED'));
}

/** A request that waits on an earlier connection, perhaps of another broker, leaves every queue. */
async function withdrawRequest(
  context: CorePorts & Requests,
  client: ClientConnection,
  requestId: string,
  record: RequestRecord,
): Promise<void> {
  const { sessionId } = record;
  const turn = await findQueuePosition(context, record);
  if (turn === undefined) return;
  const holder = context.waitingRequests.findBySession(sessionId);
  if (holder !== undefined && !holder.accepting) {
    await cancelWaiting(context, holder);
    return;
  }
  // No broker that still holds the request puts it back into a queue.
  await startNewAttempt(context, client.playerId, requestId, record);
  await Promise.all(
    turn.places.map((where) => context.batches.leaveQueue(where, { sessionId, belowEpoch: 0 })),
  );
}

/** Ends a session of this client. Its slot is free when this resolves. */
export async function endOwnSession(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  sessionId: string,
): Promise<void> {
  const known = client.sessions.get(sessionId);
  if (known === undefined) {
    // Its slot was lost before the host let the player in, and it waits for another.
    const waiting = context.waitingRequests.findBySession(sessionId);
    if (waiting?.client !== client) throw new Refusal('UNKNOWN_SESSION');
    await cancelPlay(context, client, { type: 'cancel', requestId: waiting.message.requestId });
    return;
  }
  const { place, epoch } = known;
  const outcome = await context.batches.release(place, { sessionId, epoch, reason: 'client_left' });
  switch (outcome.kind) {
    case 'ended':
      notifyAllOfEnd(context, place, [outcome]);
      return;
    case 'over':
      // Word of the end may have come another way while the store was asked.
      if (!client.sessions.has(sessionId)) return;
      client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: outcome.reason });
      context.connections.unlinkSession(sessionId);
      return;
    case 'stale':
      throw new Refusal('STALE_EPOCH');
    case 'unknown':
      context.connections.unlinkSession(sessionId);
      throw new Refusal('UNKNOWN_SESSION');
  }
}
