import type { RegionPool } from '../../domain/catalog.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { CorePorts } from '../core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { takeOverRequest } from '../requests/request-record.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { PlacedSession } from '../sessions/placed-session.js';

/**
 * Takes a request out of the store: its slot, its queue positions, and its record. The next request of the player meets no
 * conflict, and the same request id may be used again.
 */
export async function leaveStore(
  context: CorePorts,
  request: ActiveRequest,
  { queues, slot }: Extract<RequestCall<PlacedSession>, { readonly type: 'leave' }>,
): Promise<void> {
  const { client, message } = request;
  await Promise.all([releaseSlot(context, slot), leaveQueues(context, request, queues)]);
  await context.store.deleteRequest(client.playerId, message.requestId);
}

/** Ends the session that the slot was reserved for. */
export async function releaseSlot(context: CorePorts, slot: PlacedSession | null): Promise<void> {
  if (slot === null) return;
  const { regionPool, sessionId, epoch } = slot;
  const outcome = await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'client_left' });
  if (outcome.kind === 'ended') notifyAllOfEnd(context, regionPool, [outcome]);
}

/**
 * Takes a request out of queues, under a new epoch: a broker that still has the request cannot queue it again, and an offer
 * whose confirmation is under way ends.
 */
async function leaveQueues(
  context: CorePorts,
  { client, message, state }: ActiveRequest,
  queues: readonly RegionPool[],
): Promise<void> {
  const [regionPool] = queues;
  if (regionPool === undefined) return;
  const { sessionId, epoch } = state;
  const record = { sessionId, epoch, regionPool };
  const belowEpoch = await takeOverRequest(context, client.playerId, message.requestId, record);
  await Promise.all(
    queues.map(async (queue) => {
      notifyAllOfEnd(context, queue, await context.batches.withdrawPlacement(queue, { sessionId, belowEpoch }));
    }),
  );
}
