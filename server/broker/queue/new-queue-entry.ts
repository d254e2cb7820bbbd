import type { StoreMs } from '../../domain/store-time.js';
import type { RegionPool } from '../../domain/catalog.js';
import { tierOf } from '../../domain/tiers.js';
import type { NewQueueEntry } from '../../store/fleet-store.js';
import type { ActiveRequest } from '../requests/active-request.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import type { BrokerSettings } from '../settings.js';

/**
 * Creates the entry with which a request waits in the queue of a region pool, with the head start of its client's tier.
 *
 * @param arrivedAtMs when the request began to wait; `null` for now
 * @returns `undefined` when the region pool is not a candidate, or its pool does not suit the device
 */
export function createQueueEntry(
  context: BrokerSettings,
  { client, message, state }: ActiveRequest,
  regionPool: RegionPool,
  arrivedAtMs: StoreMs | null,
): NewQueueEntry | undefined {
  const { sessionId, epoch, missedOffer, terms } = state;
  const meta = createSessionMeta(context, client, message, terms.candidates, regionPool);
  if (meta === undefined) return undefined;
  return {
    sessionId,
    epoch,
    arrivedAtMs,
    headStartMs: tierOf(context.tiers, client.tier).headStartMs,
    missed: missedOffer,
    clientBrokerId: context.brokerId,
    meta,
  };
}
