import type { Play } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import { rankCandidates } from '../domain/ranking.js';
import type { SessionRecord } from '../store/fleet-store.js';
import { answerMatched } from './answer-matched.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import type { Placed } from './placed.js';
import { tryCandidate } from './try-candidate.js';

/**
 * A session whose host was lost is placed again, under a new epoch: its client hears nothing but the new match. When
 * there is no room, or another broker has the session already, the client is told of the end.
 */
export async function replaceLost(
  context: BrokerContext,
  client: ClientConnection,
  place: Place,
  lost: SessionRecord,
): Promise<void> {
  const { sessionId, epoch } = lost;
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  try {
    const placed = await placeAgain(context, client, known.request, place, lost);
    if (placed !== undefined) {
      await answerMatched(context, client, known.request, placed);
      return;
    }
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'a lost session could not be placed again');
  }
  if (context.connections.clientOf(sessionId) !== client) return;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'host_lost' });
  context.connections.unlinkSession(sessionId);
}

/** @returns `undefined` when there is no room for it, or somebody else has placed it */
export async function placeAgain(
  context: BrokerContext,
  client: ClientConnection,
  request: Play,
  place: Place,
  { sessionId, epoch: lostEpoch }: SessionRecord,
): Promise<Placed | undefined> {
  const { playerId, device } = client;
  const ranking = rankCandidates(context.catalog, context.fleet, { ...request, device });
  if (!ranking.ok) return undefined;
  const claim = { playerId, requestId: request.requestId, sessionId, place };
  const epoch = await context.store.reclaim(claim, lostEpoch);
  if (epoch === null) return undefined;
  const { candidates } = ranking;
  for (let index = 0; index < candidates.length; index += 1) {
    const placed = await tryCandidate(context, client, request, candidates, index, sessionId, epoch);
    if (placed === undefined) continue;
    await context.store.moveClaim({ ...claim, place: placed.place });
    // The old host may come back: there the session is over for good.
    if (placeName(placed.place) !== placeName(place)) {
      announceEnded(context, place, await context.batches.withdraw(place, { sessionId, belowEpoch: epoch }));
    }
    return placed;
  }
  return undefined;
}
