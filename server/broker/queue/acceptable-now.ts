import type { RegionPool } from '../../domain/catalog.js';
import { acceptableRegionPools } from '../../domain/play-request/acceptable-region-pools.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The region pools that the latency policy accepts for a request by now, and that operators have not closed. */
export function acceptableNow(
  { fleet, storeClock }: StoreAccess,
  { state }: ActiveRequest,
): readonly RegionPool[] {
  const { terms, arrivedAtMs } = state;
  const open = terms.candidates.filter(({ regionPool }) => fleet.isOpen(regionPool));
  return acceptableRegionPools(open, arrivedAtMs === null ? 0 : storeClock.ageOf(arrivedAtMs));
}
