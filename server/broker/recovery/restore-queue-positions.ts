import { tierOf } from '../../domain/tiers.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Requests } from '../requests/ports.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import { restoreRequest } from '../requests/restore-request.js';
import { requestKeyOf, type WaitingRequest } from '../requests/waiting-requests.js';

/**
 * Puts requests whose clients are away back into the queues of a store that has lost them, where they stood: those of
 * connected clients see to that themselves. Nobody attends to them, so their places last no longer than they would.
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
  const { sessionId, requestEpoch: claimEpoch, client, message, candidates } = request;
  const places = [...request.queues.values()];
  const [first] = places;
  if (first === undefined) return;
  const isOurs = await restoreRequest(context, requestKeyOf(request, first), claimEpoch);
  const reports = await Promise.all(
    places.map((place) => context.store.getQueueStatus(place, [sessionId], false)),
  );
  // Whoever knows of it in one queue has left the others on purpose.
  if (!isOurs || reports.some(({ placements }) => placements[0]?.kind !== 'unknown')) {
    if (!isOurs) context.disconnectedRequests.forget(sessionId);
    return;
  }
  await Promise.all(
    places.map(async (place) => {
      const meta = createSessionMeta(context, client, message, candidates, place);
      if (meta === undefined) return;
      await context.batches.enqueue(place, {
        sessionId,
        epoch: claimEpoch,
        arrivedAtMs: request.arrivedAtMs,
        headStartMs: tierOf(context.tiers, client.tier).headStartMs,
        missed: request.missedOffer,
        clientBrokerId: context.brokerId,
        meta,
      });
    }),
  );
}
