import { tierOf } from '../domain/tiers.js';
import type { BrokerContext } from './context.js';
import { matchMeta } from './match-meta.js';
import { restoreClaim } from './restore-claim.js';
import { claimOf, type WaitingRequest } from './waiting-room.js';

/**
 * Puts requests whose clients are away back into the queues of a store that has lost them, where they stood: those of
 * connected clients see to that themselves. Nobody attends to them, so their places last no longer than they would.
 */
export async function restorePlaces(context: BrokerContext): Promise<void> {
  await Promise.all(context.departed.requests.all.map((request) => restorePlace(context, request)));
}

async function restorePlace(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const { sessionId, claimEpoch, client, message, candidates } = request;
  const places = [...request.places.values()];
  const [first] = places;
  if (first === undefined) return;
  const isOurs = await restoreClaim(context, claimOf(request, first), claimEpoch);
  const reports = await Promise.all(
    places.map((place) => context.store.queueStatus(place, [sessionId], false)),
  );
  // Whoever knows of it in one queue has left the others on purpose.
  if (!isOurs || reports.some(({ placements }) => placements[0]?.kind !== 'unknown')) {
    if (!isOurs) context.departed.requests.forget(sessionId);
    return;
  }
  await Promise.all(
    places.map(async (place) => {
      const meta = matchMeta(context, client, message, candidates, place);
      if (meta === undefined) return;
      await context.batches.enqueue(place, {
        sessionId,
        epoch: claimEpoch,
        arrivedAtMs: request.arrivedAtMs,
        headStartMs: tierOf(context.tiers, client.tier).headStartMs,
        missed: request.missed,
        clientBrokerId: context.brokerId,
        meta,
      });
    }),
  );
}
