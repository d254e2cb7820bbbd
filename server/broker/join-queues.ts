import { placeName, type Place } from '../domain/catalog.js';
import type { Candidate } from '../domain/ranking.js';
import { tierOf } from '../domain/tiers.js';
import type { BrokerContext } from './context.js';
import { matchMeta } from './match-meta.js';
import { Refusal, jittered } from './refusal.js';
import { takeOffer } from './take-offer.js';
import type { WaitingRequest } from './waiting-room.js';

/** When to ask again, on average, where nobody may wait. */
const NOWHERE_RETRY_MS = 15_000;

/**
 * Places that the latency policy accepts after the wait so far, the best first. Where all are far, the nearest count
 * from the start: to wait for a later step would get their player nothing else.
 */
export function acceptablePlaces(candidates: readonly Candidate[], arrivedAtMs: number | null): Place[] {
  const waitedMs = arrivedAtMs === null ? 0 : Date.now() - arrivedAtMs;
  const sinceMs = Math.max(waitedMs, candidates[0]?.acceptableAfterMs ?? 0);
  return candidates.filter(({ acceptableAfterMs }) => acceptableAfterMs <= sinceMs).map(({ place }) => place);
}

/** The candidates of a request that operators have not closed meanwhile. */
export function openCandidates(
  { fleet }: BrokerContext,
  { candidates }: WaitingRequest,
): readonly Candidate[] {
  return candidates.filter(({ place }) => fleet.isOpen(place));
}

/**
 * Why a request stands in no queue at all: every place that would suit is closed, or too many wait there already.
 */
export function nowhereToWait(context: BrokerContext, request: WaitingRequest): Refusal {
  const code = openCandidates(context, request).length === 0 ? 'REGION_CLOSED' : 'QUEUE_FULL';
  return new Refusal(code, { retryAfterMs: jittered(NOWHERE_RETRY_MS) });
}

/** Puts a request into those of these queues where it does not stand yet, at the time of its arrival. */
export async function joinQueues(
  context: BrokerContext,
  request: WaitingRequest,
  places: readonly Place[],
): Promise<void> {
  for (const place of places) {
    // With an offer at hand a further queue could only make another one, for which somebody else would wait.
    if (!context.waiting.has(request) || request.offer !== null) return;
    if (!request.places.has(placeName(place))) await joinQueue(context, request, place);
  }
}

async function joinQueue(context: BrokerContext, request: WaitingRequest, place: Place): Promise<void> {
  const { client, message, sessionId, candidates } = request;
  const meta = matchMeta(context, client, message, candidates, place);
  if (meta === undefined) {
    // It waited there for another device of its player, which this place suited.
    await context.batches.withdraw(place, { sessionId, belowEpoch: 0 });
    return;
  }
  const outcome = await context.batches.enqueue(place, {
    sessionId,
    epoch: request.claimEpoch,
    arrivedAtMs: request.arrivedAtMs,
    headStartMs: tierOf(context.tiers, client.tier).headStartMs,
    missed: request.missed,
    clientBrokerId: context.brokerId,
    meta,
  });
  switch (outcome.kind) {
    case 'waiting':
      request.arrivedAtMs ??= outcome.arrivedAtMs;
      request.places.set(placeName(place), place);
      if (request.client.pending.get(message.requestId)?.cancelled === true) {
        // Taken back while the store was asked; whoever withdrew it did not know of this queue.
        await context.batches.withdraw(place, { sessionId, belowEpoch: 0 });
      }
      return;
    case 'existing':
      request.places.set(placeName(place), place);
      if (outcome.session.state === 'offered') takeOffer(context, request, place, outcome.session);
      return;
    case 'over':
      throw new Refusal(outcome.reason === 'reservation_expired' ? 'TIMED_OUT' : 'SESSION_OVER');
    case 'closed':
      context.fleet.noteClosed(place);
      return;
    case 'queue_full':
      return;
  }
}
