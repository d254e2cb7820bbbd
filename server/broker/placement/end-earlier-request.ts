import { isReversible } from '../../domain/session-state.js';
import { delay } from '../../runtime/delay.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { RequestKey, RequestRecord } from '../../store/fleet-store.js';
import type { Events } from '../messaging/broker-events.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import type { Reporting } from '../reporting.js';
import { locateSession } from '../requests/attach-earlier-session.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import { raiseRequestEpoch } from '../requests/request-record.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { POLL_INTERVAL_MS } from './locate-call.js';

/**
 * Ends a request from other connections of the player, perhaps to other brokers: its wait, and the session that it became. Resolves when
 * nothing of it is left, or when a broker that was placing it has had `requestGraceMs` for that.
 */
export async function endEarlierRequest(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting,
  key: RequestKey,
): Promise<void> {
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
  // Without metadata the store knows the session from its host only, and the record says whose it is.
  if (meta !== null && meta.playerId !== playerId) return true;
  const outcome = await context.batches.endSession(found.regionPool, {
    sessionId,
    epoch,
    reason: 'client_left',
  });
  if (outcome.kind === 'ended') {
    clearLiveRequest(context, playerId, outcome.session);
    notifyAllOfEnd(context, found.regionPool, [outcome]);
  } else if (outcome.kind === 'over' && isReversible(outcome.reason)) {
    // Its host may keep it, which it must not once the client has cancelled it.
    await withdrawRequest(context, [found.regionPool], { sessionId, belowEpoch: epoch + 1 });
  }
  // It has moved meanwhile, or was placed again.
  return outcome.kind !== 'stale';
}
