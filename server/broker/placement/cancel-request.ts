import type { Cancel } from '@duskline/protocol';
import { delay } from '../../runtime/delay.js';
import type { RequestKey, RequestRecord } from '../../store/fleet-store.js';
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
import { POLL_INTERVAL_MS } from './locate-call.js';
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

/**
 * Ends a request from other connections of the player, perhaps to other brokers: its wait, and the session that it became. Resolves when
 * nothing of it is left, or when a broker that was placing it has had `requestGraceMs` for that.
 */
async function endEarlierRequest(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Requests & RequestRunning,
  key: RequestKey,
): Promise<void> {
  await cancelOnThisBroker(context, key);
  const record = await context.batches.findRequest(key);
  // A replaced request has nothing to end: its session may belong to the request that resumed it.
  if (record === null || record.state === 'replaced') return;
  const giveUpAtMs = context.clock.monotonicMs() + context.intervals.requestGraceMs - record.ageMs;
  const isLive = record.state === 'live';
  const request = isLive ? { ...record, epoch: await giveUpRecord(context, key, record) } : record;
  for (;;) {
    const isOver = await endWhatIsFound(context, key, request);
    // A live request of which nothing is found is being placed at this moment, or its broker has died.
    if (isOver || !isLive || context.clock.monotonicMs() >= giveUpAtMs) return;
    await delay(context.clock, POLL_INTERVAL_MS);
  }
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

/**
 * Ends the request in the store, under a new epoch: no broker can continue it, and one that has just queued or placed it finds that it
 * is over.
 *
 * @returns the new epoch
 */
async function giveUpRecord(
  context: StoreAccess,
  { playerId, requestId }: RequestKey,
  record: RequestRecord,
): Promise<number> {
  const epoch = await raiseRequestEpoch(context, playerId, requestId, record);
  await context.store.clearLiveRequests([{ playerId, sessionId: record.sessionId, epoch }]);
  return epoch;
}

/**
 * Ends the queue positions and the session of a request, as far as they are found now.
 *
 * @returns whether nothing can be left
 */
async function endWhatIsFound(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  key: RequestKey,
  record: RequestRecord,
): Promise<boolean> {
  const position = await findQueuePosition(context, record);
  if (position !== undefined) {
    const { sessionId, state } = record;
    const belowEpoch = state === 'live' ? record.epoch : await giveUpRecord(context, key, record);
    await withdrawRequest(context, position.queues, { sessionId, belowEpoch });
  }
  const found = await locateSession(context, record);
  if (found === undefined) return position !== undefined;
  const { playerId } = key;
  const { sessionId, epoch, meta } = found.session;
  if (meta?.playerId !== playerId) return true;
  const outcome = await context.batches.endSession(found.regionPool, {
    sessionId,
    epoch,
    reason: 'client_left',
  });
  if (outcome.kind === 'ended') {
    clearLiveRequest(context, playerId, outcome.session);
    notifyAllOfEnd(context, found.regionPool, [outcome]);
  }
  // It has moved meanwhile, or was placed again.
  return outcome.kind !== 'stale';
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
