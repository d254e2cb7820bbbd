import type { RegionPool } from '../catalog.js';
import type { Candidate } from '../ranking.js';

/**
 * The region pools that the latency policy accepts after a wait, best first. If even the best one is accepted only later, its
 * step applies from the start, because waiting would not give the player anything better.
 *
 * @param waitedMs how long the request has waited, by the store's clock
 */
export function acceptableRegionPools(
  candidates: readonly Candidate[],
  waitedMs: number,
): readonly RegionPool[] {
  const sinceMs = Math.max(waitedMs, candidates[0]?.acceptableAfterMs ?? 0);
  return candidates
    .filter(({ acceptableAfterMs }) => acceptableAfterMs <= sinceMs)
    .map(({ regionPool }) => regionPool);
}
