import { regionPoolName } from '../../domain/catalog.js';
import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import { requestEntryOf, type WaitingRequest } from '../requests/waiting-requests.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { leaveIfReplaced } from './leave-if-replaced.js';
import { acceptableRegionPools, joinQueues, noQueueRefusal, openCandidates } from './join-queues.js';
import type { QueueEntry } from './queue-entries.js';
import { RequestSuperseded } from './request-superseded.js';
import { sendQueuePosition } from './send-queue-position.js';

/** Queues a request whose entries all expired as a new request, with a new arrival time. */
export async function requeueExpiredRequest(
  context: CorePorts & Requests,
  request: WaitingRequest,
): Promise<void> {
  const [regionPool] = request.queues.values();
  if (regionPool === undefined) return;
  const epoch = await context.store.startAttempt(requestEntryOf(request, regionPool), request.requestEpoch);
  if (epoch === null) throw new RequestSuperseded();
  request.requestEpoch = epoch;
  request.arrivedAtMs = null;
  request.missedOffer = false;
  request.queues.clear();
  await joinQueues(context, request, acceptableRegionPools(openCandidates(context, request), null));
  await leaveIfReplaced(context, request);
  await sendQueuePosition(context, request);
}

/** Whether the request still belongs to this connection. It may have been cancelled or continued on another broker. */
export async function verifyRequestOwner(context: StoreAccess, request: WaitingRequest): Promise<boolean> {
  const { sessionId, requestEpoch } = request;
  const [regionPool] = request.queues.values();
  if (regionPool === undefined) return false;
  const [outcome] = await context.store.recordRequests([requestEntryOf(request, regionPool)]);
  if (outcome?.kind === 'new') {
    // The store lost its data and recorded the request again, at epoch 1.
    request.requestEpoch = 1;
    return true;
  }
  if (outcome?.kind !== 'repeat') return false;
  const { record } = outcome;
  return record.sessionId === sessionId && record.epoch === requestEpoch && record.state !== 'replaced';
}

/**
 * Puts a request back into the open queues that lost it, and into those of regions that the latency policy accepts by now.
 *
 * @throws Refusal QUEUE_FULL or REGION_CLOSED when the request is left without a queue
 */
export async function rejoinQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  entries: readonly QueueEntry[],
): Promise<void> {
  const lost = entries.filter(({ status }) => status.kind === 'unknown').map(({ regionPool }) => regionPool);
  for (const regionPool of lost) request.queues.delete(regionPoolName(regionPool));
  const open = openCandidates(context, request);
  const openNames = new Set(open.map(({ regionPool }) => regionPoolName(regionPool)));
  const lostButOpen = lost.filter((regionPool) => openNames.has(regionPoolName(regionPool)));
  await joinQueues(context, request, [...lostButOpen, ...acceptableRegionPools(open, request.arrivedAtMs)]);
  // A request with an offer, or with an `accept` under way, may be in no queue.
  const isWithoutQueue = request.queues.size === 0 && request.offer === null && !request.accepting;
  if (!isWithoutQueue || !context.waitingRequests.has(request)) return;
  await context.store.deleteRequest(request.client.playerId, request.message.requestId);
  throw noQueueRefusal(context, request);
}
