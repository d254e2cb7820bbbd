import type { StoreAccess } from '../store-access/ports.js';
import { createQueueEntry } from '../queue/new-queue-entry.js';
import { entryOf } from '../requests/active-request.js';
import type { Requests } from '../requests/ports.js';
import type { EarlierWait } from '../requests/earlier-wait.js';
import { restoreRequest } from '../requests/restore-request.js';
import type { BrokerSettings } from '../settings.js';

/**
 * Puts requests of disconnected clients back into the queues of a store that has lost them, with their arrival times. Requests
 * of connected clients are restored by `pollQueues`. No broker polls for disconnected clients, so these queue positions still
 * expire after `queueGraceMs`.
 */
export async function restoreQueuePositions(context: BrokerSettings & StoreAccess & Requests): Promise<void> {
  await Promise.all(context.earlierWaits.all.map((wait) => restoreQueuePosition(context, wait)));
}

async function restoreQueuePosition(
  context: BrokerSettings & StoreAccess & Requests,
  { request, queues, sessionId }: EarlierWait,
): Promise<void> {
  const [first] = queues;
  if (first === undefined) return;
  const { epoch, arrivedAtMs } = request.state;
  const isOwner = await restoreRequest(context, entryOf(request, first), epoch);
  const statuses = await Promise.all(
    queues.map((regionPool) => context.store.getQueueStatus(regionPool, [sessionId], false)),
  );
  // If one queue still knows the request, it is absent from the others on purpose.
  if (!isOwner || statuses.some(({ entries }) => entries[0]?.kind !== 'unknown')) {
    if (!isOwner) context.earlierWaits.forget(sessionId);
    return;
  }
  await Promise.all(
    queues.map(async (regionPool) => {
      const entry = createQueueEntry(context, request, regionPool, arrivedAtMs);
      if (entry !== undefined) await context.batches.enqueue(regionPool, entry);
    }),
  );
}
