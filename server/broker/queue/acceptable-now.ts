import type { RegionPool } from '../../domain/catalog.js';
import { acceptableRegionPools } from '../../domain/play-request/acceptable-region-pools.js';
import type { Candidate } from '../../domain/ranking.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * The region pools that the latency policy accepts for a request by now, and that operators have not closed.
 *
 * @param candidates those of the request, by default as it was ranked last
 */
export function acceptableNow(
  { fleet, storeClock }: StoreAccess,
  { state }: ActiveRequest,
  candidates: readonly Candidate[] = state.terms.candidates,
): readonly RegionPool[] {
  const { arrivedAtMs } = state;
  const open = candidates.filter(({ regionPool }) => fleet.isOpen(regionPool));
  return acceptableRegionPools(open, arrivedAtMs === null ? 0 : storeClock.ageOf(arrivedAtMs));
}
