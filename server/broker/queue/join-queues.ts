import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Requests } from '../requests/ports.js';
import { Refusal, jittered } from '../refusal.js';
import { receiveOffer } from '../requests/receive-offer.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import { createWaitingPlacement } from './waiting-placement.js';

/** Average `retryAfterMs` for a request that no queue accepts. */
const NO_QUEUE_RETRY_MS = 15_000;

/**
 * The region pools that the latency policy accepts after the wait so far, best first. If even the best one is accepted only
 * later, its step applies from the start, because waiting would not give the player anything better.
 */
export function acceptableRegionPools(
  candidates: readonly Candidate[],
  arrivedAtMs: number | null,
): RegionPool[] {
  const waitedMs = arrivedAtMs === null ? 0 : Date.now() - arrivedAtMs;
  const sinceMs = Math.max(waitedMs, candidates[0]?.acceptableAfterMs ?? 0);
  return candidates
    .filter(({ acceptableAfterMs }) => acceptableAfterMs <= sinceMs)
    .map(({ regionPool }) => regionPool);
}

/** The candidates of a request whose region pools operators have not closed. */
export function openCandidates({ fleet }: StoreAccess, { candidates }: WaitingRequest): readonly Candidate[] {
  return candidates.filter(({ regionPool }) => fleet.isOpen(regionPool));
}

/** The error for a request that no queue accepts: all its region pools are closed, or the queues of the open ones are full. */
export function noQueueRefusal(context: StoreAccess, request: WaitingRequest): Refusal {
  const code = openCandidates(context, request).length === 0 ? 'REGION_CLOSED' : 'QUEUE_FULL';
  return new Refusal(code, { retryAfterMs: jittered(NO_QUEUE_RETRY_MS) });
}

/** Adds a request, with its arrival time, to those of the given queues in which it does not wait yet. */
export async function joinQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  regionPools: readonly RegionPool[],
): Promise<void> {
  for (const regionPool of regionPools) {
    // A request with an offer needs no further queue: a second offer would only block a slot for other players.
    if (!context.waitingRequests.has(request) || request.offer !== null) return;
    if (!request.queues.has(regionPoolName(regionPool))) await joinQueue(context, request, regionPool);
  }
}

async function joinQueue(
  context: BrokerSettings & StoreAccess,
  request: WaitingRequest,
  regionPool: RegionPool,
): Promise<void> {
  const { client, message, sessionId } = request;
  const placement = createWaitingPlacement(context, request, regionPool);
  if (placement === undefined) {
    // The player queued there from another device. The pool does not suit the present one.
    await context.batches.withdrawPlacement(regionPool, { sessionId, belowEpoch: 0 });
    return;
  }
  const outcome = await context.batches.enqueue(regionPool, placement);
  switch (outcome.kind) {
    case 'waiting':
      request.arrivedAtMs ??= outcome.arrivedAtMs;
      request.queues.set(regionPoolName(regionPool), regionPool);
      if (client.pendingRequests.get(message.requestId)?.cancelled === true) {
        // The client cancelled during the call, and the cancel did not know of this queue.
        await context.batches.withdrawPlacement(regionPool, { sessionId, belowEpoch: 0 });
      }
      return;
    case 'existing':
      request.queues.set(regionPoolName(regionPool), regionPool);
      if (outcome.session.state === 'offered') receiveOffer(context, request, regionPool, outcome.session);
      return;
    case 'over':
      throw new Refusal(outcome.reason === 'reservation_expired' ? 'TIMED_OUT' : 'SESSION_OVER');
    case 'closed':
      context.fleet.markClosed(regionPool);
      return;
    case 'queue_full':
      return;
  }
}
