import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
import type { StoreAccess } from '../store-access/ports.js';
import { entryOf, type ActiveRequest } from './active-request.js';

/**
 * Records the region pool in which a request has a slot or waits, unless its record names that one already: a new request is recorded
 * with its best candidate, and one whose host was lost with the region pool of that host. Conflict checks read the request's state
 * only there, and brokers search there first for a repeated request.
 */
export async function recordRegionPool(
  { store }: StoreAccess,
  request: ActiveRequest,
  regionPool: RegionPool,
): Promise<void> {
  const { lostIn, terms } = request.state;
  const recorded = lostIn ?? terms.candidates[0]?.regionPool;
  if (recorded !== undefined && isSameRegionPool(recorded, regionPool)) return;
  await store.setRequestPool(entryOf(request, regionPool));
}
