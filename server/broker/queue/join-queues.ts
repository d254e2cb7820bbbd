import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import { tierOf } from '../../domain/tiers.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Requests } from '../requests/ports.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import { Refusal, jittered } from '../refusal.js';
import { receiveOffer } from '../requests/receive-offer.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';

/** When to ask again, on average, where nobody may wait. */
const NO_QUEUE_RETRY_MS = 15_000;

/**
 * Places that the latency policy accepts after the wait so far, the best first. Where all are far, the nearest count
 * from the start: to wait for a later step would get their player nothing else.
 */
export function acceptableRegionPools(
  candidates: readonly Candidate[],
  arrivedAtMs: number | null,
): RegionPool[] {
  const waitedMs = arrivedAtMs === null ? 0 : Date.now() - arrivedAtMs;
  const sinceMs = Math.max(waitedMs, candidates[0]?.acceptableAfterMs ?? 0);
  return candidates
    .filter(({ acceptableAfterMs }) => acceptableAfterMs <= sinceMs)
    .map(({ regionPool: place }) => place);
}

/** The candidates of a request that operators have not closed meanwhile. */
export function openCandidates({ fleet }: StoreAccess, { candidates }: WaitingRequest): readonly Candidate[] {
  return candidates.filter(({ regionPool: place }) => fleet.isOpen(place));
}

/**
 * Why a request stands in no queue at all: every place that would suit is closed, or too many wait there already.
 */
export function noQueueRefusal(context: StoreAccess, request: WaitingRequest): Refusal {
  const code = openCandidates(context, request).length === 0 ? 'REGION_CLOSED' : 'QUEUE_FULL';
  return new Refusal(code, { retryAfterMs: jittered(NO_QUEUE_RETRY_MS) });
}

/** Puts a request into those of these queues where it does not stand yet, at the time of its arrival. */
export async function joinQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  places: readonly RegionPool[],
): Promise<void> {
  for (const place of places) {
    // With an offer at hand a further queue could only make another one, for which somebody else would wait.
    if (!context.waitingRequests.has(request) || request.offer !== null) return;
    if (!request.queues.has(regionPoolName(place))) await joinQueue(context, request, place);
  }
}

async function joinQueue(
  context: BrokerSettings & StoreAccess,
  request: WaitingRequest,
  place: RegionPool,
): Promise<void> {
  const { client, message, sessionId, candidates } = request;
  const meta = createSessionMeta(context, client, message, candidates, place);
  if (meta === undefined) {
    // It waited there for another device of its player, which this place suited.
    await context.batches.leaveQueue(place, { sessionId, belowEpoch: 0 });
    return;
  }
  const outcome = await context.batches.enqueue(place, {
    sessionId,
    epoch: request.requestEpoch,
    arrivedAtMs: request.arrivedAtMs,
    headStartMs: tierOf(context.tiers, client.tier).headStartMs,
    missed: request.missedOffer,
    clientBrokerId: context.brokerId,
    meta,
  });
  switch (outcome.kind) {
    case 'waiting':
      request.arrivedAtMs ??= outcome.arrivedAtMs;
      request.queues.set(regionPoolName(place), place);
      if (request.client.pendingRequests.get(message.requestId)?.cancelled === true) {
        // Taken back while the store was asked; whoever withdrew it did not know of this queue.
        await context.batches.leaveQueue(place, { sessionId, belowEpoch: 0 });
      }
      return;
    case 'existing':
      request.queues.set(regionPoolName(place), place);
      if (outcome.session.state === 'offered') receiveOffer(context, request, place, outcome.session);
      return;
    case 'over':
      throw new Refusal(outcome.reason === 'reservation_expired' ? 'TIMED_OUT' : 'SESSION_OVER');
    case 'closed':
      context.fleet.markClosed(place);
      return;
    case 'queue_full':
      return;
  }
}
