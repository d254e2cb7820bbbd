import { includes } from '../../domain/play-request/transition.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

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
  const { candidates: known } = state.terms;
  const further = without(ranking.candidates, known);
  return further.length === 0 ? null : [...ranking.candidates, ...without(known, ranking.candidates)];
}

function without(candidates: readonly Candidate[], others: readonly Candidate[]): readonly Candidate[] {
  const regionPools = others.map(({ regionPool }) => regionPool);
  return candidates.filter(({ regionPool }) => !includes(regionPools, regionPool));
}
