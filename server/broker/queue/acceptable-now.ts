import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
import { acceptableRegionPools } from '../../domain/play-request/acceptable-region-pools.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { BrokerSettings } from '../settings.js';
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

/**
 * Ranks a waiting request again if operators have opened region pools since it was ranked: it may wait there, too.
 *
 * @returns all its candidates, those that are closed by now last; `null` if there are no further ones
 */
export function rankAgain(
  { catalog, fleet }: BrokerSettings & StoreAccess,
  request: ActiveRequest,
): readonly Candidate[] | null {
  if (request.rankedAtOpening === fleet.openings) return null;
  request.rankedAtOpening = fleet.openings;
  const { client, message, state } = request;
  const ranking = rankCandidates(catalog, fleet, message, client.device);
  if (!ranking.ok) return null;
  const known = state.terms.candidates;
  const isKnown = isAmong(known);
  if (ranking.candidates.every(isKnown)) return null;
  const isOpen = isAmong(ranking.candidates);
  return [...ranking.candidates, ...known.filter((candidate) => !isOpen(candidate))];
}

function isAmong(candidates: readonly Candidate[]): (candidate: Candidate) => boolean {
  return ({ regionPool }) => candidates.some((other) => isSameRegionPool(other.regionPool, regionPool));
}
