import type { CorePorts } from '../core-ports.js';
import { Refusal, toRefusal } from '../refusal.js';
import type { Requests } from '../requests/ports.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import type { StoreAccess } from '../store-access/ports.js';
import { confirmOffer, leaveAllQueues } from './accept-offer.js';
import { applyQueueEntry } from './apply-queue-entry.js';
import { isEntryExpired, isHeldByOtherBroker, toQueueEntry, type QueueEntry } from './queue-entries.js';
import { rejoinQueues, requeueExpiredRequest, verifyRequestOwner } from './rejoin-queues.js';
import { RequestSuperseded } from './request-superseded.js';
import { sendPositionIfChanged } from './send-queue-position.js';

/**
 * Reads every queue in which clients of this broker wait, and brings their requests up to date: offers, positions, queues of
 * further regions.
 */
export async function pollQueues(context: CorePorts & Requests): Promise<void> {
  const queriedAtMs = performance.now();
  const entriesByRequest = await readQueueEntries(context);
  await Promise.all(
    [...entriesByRequest].map(([request, entries]) => updateRequest(context, request, entries, queriedAtMs)),
  );
}

/** One query for each queue, however many requests wait in it. */
async function readQueueEntries(
  context: StoreAccess & Requests,
): Promise<ReadonlyMap<WaitingRequest, readonly QueueEntry[]>> {
  const entriesByRequest = new Map<WaitingRequest, QueueEntry[]>();
  await Promise.all(
    context.waitingRequests.groupByQueue().map(async ({ regionPool, requests }) => {
      const sessionIds = requests.map(({ sessionId }) => sessionId);
      const queueStatus = await context.store.getQueueStatus(regionPool, sessionIds, true);
      requests.forEach((request, i) => {
        const entries = entriesByRequest.get(request) ?? [];
        entries.push(toQueueEntry(regionPool, queueStatus, i));
        entriesByRequest.set(request, entries);
      });
    }),
  );
  return entriesByRequest;
}

/** Brings one request up to date, and rejects it when it can no longer wait here. */
async function updateRequest(
  context: CorePorts & Requests,
  request: WaitingRequest,
  entries: readonly QueueEntry[],
  queriedAtMs: number,
): Promise<void> {
  // Resolved or cancelled during the query.
  if (!context.waitingRequests.has(request)) return;
  try {
    await applyQueueEntries(context, request, entries, queriedAtMs);
  } catch (error) {
    // The store is unreachable. The next poll tries again.
    if (toRefusal(error).code === 'UNAVAILABLE') return;
    if (!(error instanceof RequestSuperseded)) await leaveAllQueues(context, request);
    request.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

async function applyQueueEntries(
  context: CorePorts & Requests,
  request: WaitingRequest,
  entries: readonly QueueEntry[],
  queriedAtMs: number,
): Promise<void> {
  if (isHeldByOtherBroker(entries, context.brokerId)) throw new RequestSuperseded();
  await recordMissedOffer(context, request, entries);
  for (const entry of entries) {
    await applyQueueEntry(context, request, entry, queriedAtMs);
    if (!context.waitingRequests.has(request)) return;
  }
  if (request.offer !== null && request.accepted) await confirmOffer(context, request);
  if (entries.every(isEntryExpired)) {
    await requeueExpiredRequest(context, request);
    return;
  }
  // The store lost data, or the request was cancelled on another broker and has left some of its queues already.
  if (entries.some(({ status }) => status.kind === 'unknown')) {
    if (!(await verifyRequestOwner(context, request))) throw new Refusal('CANCELLED');
  }
  await rejoinQueues(context, request, entries);
  sendPositionIfChanged(context, request, entries);
}

/**
 * Records a missed offer in every queue of the request. The broker that took the offer back may not have reached the stores
 * of all region pools.
 */
async function recordMissedOffer(
  context: StoreAccess,
  request: WaitingRequest,
  entries: readonly QueueEntry[],
): Promise<void> {
  const waiting = entries.flatMap(({ regionPool, status }) =>
    status.kind === 'waiting' ? [{ regionPool, missed: status.missed }] : [],
  );
  request.missedOffer ||= waiting.some(({ missed }) => missed);
  if (!request.missedOffer) return;
  const unaware = waiting.filter(({ missed }) => !missed);
  await Promise.all(
    unaware.map(({ regionPool }) => context.store.recordMissedOffers(regionPool, [request.sessionId])),
  );
}
