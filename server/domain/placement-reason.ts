import { NOT_PREFERRED, type Candidate } from './ranking.js';

/**
 * One sentence for players and operators: why the session was placed in this region pool.
 *
 * @param candidates most preferred first
 * @param chosen index of the candidate that had a free slot
 * @throws RangeError when there is no candidate at that index
 */
export function explainPlacement(candidates: readonly Candidate[], chosen: number): string {
  const winner = candidates[chosen];
  if (winner === undefined)
    throw new RangeError(`There is no candidate ${chosen}: the request has ${candidates.length}.`);
  const where = `${winner.regionPool.region}/${winner.regionPool.pool}`;
  const distance = winner.isMeasured ? `${Math.round(winner.rttMs)} ms away` : 'not measured';
  const facts = `${distance}, ${Math.round(winner.utilisation * 100)} % in use`;
  if (chosen > 0) {
    const full = [
      ...new Set(candidates.slice(0, chosen).map((c) => `${c.regionPool.region}/${c.regionPool.pool}`)),
    ];
    return `${where} (${facts}): no free slot in ${full.slice(0, 4).join(', ')}${full.length > 4 ? ', …' : ''}.`;
  }
  if (!winner.isMeasured) return `${where} (${facts}): no suitable region was measured.`;
  if (winner.preference !== NOT_PREFERRED) return `${where} (${facts}): preferred by the player.`;
  const nearest = candidates.reduce((best, c) => (c.rttMs < best.rttMs ? c : best), winner);
  const { region } = nearest.regionPool;
  if (region === winner.regionPool.region) return `${where} (${facts}): the nearest suitable region.`;
  const nearby = `${region} (${Math.round(nearest.rttMs)} ms away)`;
  // A region pool without a ready host counts as full.
  return nearest.utilisation >= 1
    ? `${where} (${facts}): ${nearby} has no free slot.`
    : `${where} (${facts}): less congested than ${nearby}.`;
}
