import type { Play } from '@duskline/protocol';
import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
import { explainPlacement } from '../../domain/placement-reason.js';
import type { Candidate } from '../../domain/ranking.js';
import { bestStream } from '../../domain/suitability.js';
import type { SessionMeta } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import { encodeMatch, type MatchDetails } from './match-details.js';

/**
 * Creates the metadata that the store keeps with a session: player, request, title and match details.
 *
 * @returns `undefined` when the region pool is not a candidate, or its pool does not suit the device
 */
export function createSessionMeta(
  context: BrokerSettings,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  regionPool: RegionPool,
): SessionMeta | undefined {
  const index = candidates.findIndex((candidate) => isSameRegionPool(candidate.regionPool, regionPool));
  const details = createMatchDetails(context, client, message, candidates, index);
  return details === undefined ? undefined : toSessionMeta(client, message, details);
}

/** The match details for the candidate at `index`; `undefined` when there is none or its pool does not suit the device. */
export function createMatchDetails(
  context: BrokerSettings,
  client: ClientConnection,
  { canMove }: Play,
  candidates: readonly Candidate[],
  index: number,
): MatchDetails | undefined {
  const candidate = candidates[index];
  const pool = candidate === undefined ? undefined : context.catalog.pools.get(candidate.regionPool.pool);
  const stream = pool === undefined ? undefined : bestStream(pool, client.device);
  if (candidate === undefined || stream === undefined) return undefined;
  return {
    stream,
    rank: index + 1,
    candidates: candidates.length,
    rttMs: candidate.rttMs,
    reason: explainPlacement(candidates, index),
    tier: client.tier,
    ...rttByRegionOf(candidates, candidate.regionPool),
    ...unmeasuredRegionsOf(candidates, candidate.regionPool),
    ...(canMove === true ? { canMove } : {}),
  };
}

export function toSessionMeta(
  { playerId }: ClientConnection,
  { requestId, title, onHostLost }: Play,
  details: MatchDetails,
): SessionMeta {
  const match = encodeMatch(details);
  return { playerId, requestId, title, match, ...(onHostLost === 'end' ? { endsWithHost: true } : {}) };
}

/** The regions of candidates with this pool that the client could not measure; empty when there are none. */
function unmeasuredRegionsOf(
  candidates: readonly Candidate[],
  { pool }: RegionPool,
): Pick<MatchDetails, 'unmeasured'> {
  const unmeasured = candidates.filter(
    ({ regionPool, isMeasured }) => !isMeasured && regionPool.pool === pool,
  );
  return unmeasured.length === 0 ? {} : { unmeasured: unmeasured.map(({ regionPool }) => regionPool.region) };
}

/** RTT by region of all candidates with this pool; empty when there is only one. */
function rttByRegionOf(candidates: readonly Candidate[], { pool }: RegionPool): Pick<MatchDetails, 'reach'> {
  const reach: Record<string, number> = {};
  let samePoolCount = 0;
  for (const { regionPool, rttMs } of candidates) {
    if (regionPool.pool !== pool) continue;
    reach[regionPool.region] = Math.round(rttMs);
    samePoolCount += 1;
  }
  return samePoolCount < 2 ? {} : { reach };
}
