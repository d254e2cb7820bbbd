import type { Play } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import { rankCandidates, type Candidate } from '../domain/ranking.js';
import type { SessionRecord } from '../store/fleet-store.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import type { Placed } from './placed.js';
import { tryCandidate } from './try-candidate.js';

/** What becomes of a lost session. When there is no room, its request has the new epoch all the same. */
export type PlacedAgain =
  | { readonly kind: 'placed'; readonly placed: Placed }
  | { readonly kind: 'full'; readonly candidates: readonly Candidate[]; readonly epoch: number };

/** @returns `undefined` when nothing suits it any more, or somebody else has placed it */
export async function placeAgain(
  context: BrokerContext,
  client: ClientConnection,
  request: Play,
  place: Place,
  { sessionId, epoch: lostEpoch }: SessionRecord,
): Promise<PlacedAgain | undefined> {
  const { playerId, device } = client;
  const ranking = rankCandidates(context.catalog, context.fleet, request, device);
  if (!ranking.ok) return undefined;
  const claim = { playerId, requestId: request.requestId, sessionId, place };
  const epoch = await context.store.reclaim(claim, lostEpoch);
  if (epoch === null) return undefined;
  const { candidates } = ranking;
  for (let index = 0; index < candidates.length; index += 1) {
    const placed = await tryCandidate(context, client, request, candidates, index, sessionId, epoch);
    if (placed === undefined) continue;
    await context.store.moveClaim({ ...claim, place: placed.place });
    await endForGood(context, place, placed);
    return { kind: 'placed', placed };
  }
  return { kind: 'full', candidates, epoch };
}

/** The host of the assignment before may come back: there the session is over for good. */
export async function endForGood(
  context: BrokerContext,
  place: Place,
  { place: now, sessionId, epoch }: Placed,
): Promise<void> {
  if (placeName(now) === placeName(place)) return;
  announceEnded(context, place, await context.batches.withdraw(place, { sessionId, belowEpoch: epoch }));
}
