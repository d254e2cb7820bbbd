import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Requests } from '../requests/ports.js';
import { createWaitingPlacement } from '../queue/waiting-placement.js';
import { restoreRequest } from '../requests/restore-request.js';
import { requestEntryOf, type WaitingRequest } from '../requests/waiting-requests.js';

/**
 * Puts requests of disconnected clients back into the queues of a store that has lost them, with their arrival times. Requests
 * of connected clients are restored by `pollQueues`. No broker polls for disconnected clients, so these queue positions still
 * expire after `queueGraceMs`.
 */
export async function restoreQueuePositions(context: BrokerSettings & StoreAccess & Requests): Promise<void> {
  await Promise.all(
    context.disconnectedRequests.all.map((request) => restoreQueuePosition(context, request)),
  );
}

async function restoreQueuePosition(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
): Promise<void> {
  const { sessionId, requestEpoch } = request;
  const regionPools = [...request.queues.values()];
  const [first] = regionPools;
  if (first === undefined) return;
  const isOwner = await restoreRequest(context, requestEntryOf(request, first), requestEpoch);
  const statuses = await Promise.all(
    regionPools.map((regionPool) => context.store.getQueueStatus(regionPool, [sessionId], false)),
  );
  // If one queue still knows the request, it is absent from the others on purpose.
  if (!isOwner || statuses.some(({ placements }) => placements[0]?.kind !== 'unknown')) {
    if (!isOwner) context.disconnectedRequests.forget(sessionId);
    return;
  }
  await Promise.all(
    regionPools.map(async (regionPool) => {
      const placement = createWaitingPlacement(context, request, regionPool);
      if (placement !== undefined) await context.batches.enqueue(regionPool, placement);
    }),
  );
}
