import type { Play } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import { explainPlacement } from '../domain/placement-reason.js';
import type { Candidate } from '../domain/ranking.js';
import { bestStream } from '../domain/suitability.js';
import type { SessionMeta } from '../store/fleet-store.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { encodeMatch, type MatchDetails } from './match-details.js';

/**
 * What is kept with a session: whose it is, and what the match tells its client.
 *
 * @returns `undefined` when the place is no candidate, or its pool does not suit the device
 */
export function matchMeta(
  context: BrokerContext,
  client: ClientConnection,
  { requestId, title, canMove }: Play,
  candidates: readonly Candidate[],
  place: Place,
): SessionMeta | undefined {
  const index = candidates.findIndex((candidate) => placeName(candidate.place) === placeName(place));
  const candidate = candidates[index];
  const pool = context.catalog.pools.get(place.pool);
  const stream = pool === undefined ? undefined : bestStream(pool, client.device);
  if (candidate === undefined || stream === undefined) return undefined;
  const match = encodeMatch({
    stream,
    rank: index + 1,
    candidates: candidates.length,
    rttMs: candidate.rttMs,
    reason: explainPlacement(candidates, index),
    tier: client.tier,
    ...reachOf(candidates, place),
    ...(canMove === true ? { canMove } : {}),
  });
  return { playerId: client.playerId, requestId, title, match };
}

/** The regions in which hosts of the same pool would do. */
function reachOf(candidates: readonly Candidate[], { pool }: Place): Pick<MatchDetails, 'reach'> {
  const alike = candidates.filter((candidate) => candidate.place.pool === pool);
  if (alike.length < 2) return {};
  return { reach: Object.fromEntries(alike.map(({ place, rttMs }) => [place.region, Math.round(rttMs)])) };
}
