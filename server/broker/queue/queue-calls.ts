import type { StoreMs } from '../../domain/store-time.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { Offer } from '../../domain/play-request/play-request.js';
import { StoreUnavailableError, type SessionRecord } from '../../store/fleet-store.js';
import { entryOf, isQueueing, type ActiveRequest } from '../requests/active-request.js';
import { offerOf } from '../requests/receive-offer.js';
import type { RequestRunner } from '../requests/ports.js';
import { readStanding, standingOf } from '../requests/standing.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { acceptableNow } from './acceptable-now.js';
import { createQueueEntry } from './new-queue-entry.js';
import type { Runtime } from '../../runtime/runtime.js';

type Result<Type extends RequestResult<PlacedSession>['type']> = Extract<
  RequestResult<PlacedSession>,
  { readonly type: Type }
>;
type JoinOutcome =
  | { readonly kind: 'joined'; readonly arrivedAtMs: StoreMs | null; readonly session: SessionRecord | null }
  | { readonly kind: 'not_joined'; readonly isClosed: boolean }
  | { readonly kind: 'over'; readonly code: 'TIMED_OUT' | 'SESSION_OVER' };

/** Adds a request, with its arrival time, to queues, the best first. */
export async function joinQueues(
  context: BrokerSettings & Runtime & StoreAccess,
  runner: RequestRunner,
  request: ActiveRequest,
  regionPools: readonly RegionPool[],
): Promise<Result<'joined'>> {
  const queues: RegionPool[] = [];
  let arrivedAtMs = request.state.arrivedAtMs;
  let isClosedEverywhere = true;
  for (const regionPool of regionPools) {
    // A request with an offer needs no further queue: a second offer would only block a slot for other players.
    if (request.state.phase.name !== 'waiting') break;
    const outcome = await joinQueue(context, request, regionPool, arrivedAtMs);
    if (outcome.kind === 'over') {
      return { type: 'joined', queues, arrivedAtMs, refused: outcome.code, standing: 'own' };
    }
    if (outcome.kind === 'not_joined') {
      isClosedEverywhere &&= outcome.isClosed;
      continue;
    }
    isClosedEverywhere = false;
    queues.push(regionPool);
    arrivedAtMs ??= outcome.arrivedAtMs;
    const { session } = outcome;
    if (session?.state === 'offered' && isQueueing(request)) {
      runner.dispatch(request, { type: 'offer_received', offer: offerOf(context, regionPool, session) });
    }
  }
  const isWithout = queues.length === 0 && request.state.queues.length === 0;
  const code = isClosedEverywhere ? 'REGION_CLOSED' : 'QUEUE_FULL';
  const refused = isWithout ? code : null;
  const standing = queues.length === 0 ? 'own' : await readStanding(context, request);
  return { type: 'joined', queues, arrivedAtMs, refused, standing };
}

async function joinQueue(
  context: BrokerSettings & StoreAccess,
  request: ActiveRequest,
  regionPool: RegionPool,
  arrivedAtMs: StoreMs | null,
): Promise<JoinOutcome> {
  const entry = createQueueEntry(context, request, regionPool, arrivedAtMs);
  if (entry === undefined) {
    // The player queued there from another device. The pool does not suit the present one.
    const { sessionId } = request.state;
    await context.batches.withdrawEntry(regionPool, { sessionId, belowEpoch: 0 });
    return { kind: 'not_joined', isClosed: false };
  }
  const outcome = await context.batches.enqueue(regionPool, entry);
  switch (outcome.kind) {
    case 'waiting':
      return { kind: 'joined', arrivedAtMs: outcome.arrivedAtMs, session: null };
    case 'existing':
      return { kind: 'joined', arrivedAtMs: null, session: outcome.session };
    case 'over':
      return { kind: 'over', code: outcome.reason === 'reservation_expired' ? 'TIMED_OUT' : 'SESSION_OVER' };
    case 'closed':
      context.fleet.markClosed(regionPool);
      return { kind: 'not_joined', isClosed: true };
    case 'queue_full':
      return { kind: 'not_joined', isClosed: false };
  }
}

/**
 * Turns an accepted offer into a reservation, in two steps that may be repeated: raise the request's epoch, which only one
 * broker can do, and then reserve the slot under that epoch.
 */
export async function confirmOffer(
  context: BrokerSettings & StoreAccess,
  request: ActiveRequest,
  offer: Offer,
): Promise<Result<'confirmed'>['result']> {
  const { store, limits, brokerId } = context;
  const { sessionId, epoch: fromEpoch } = request.state;
  const { regionPool } = offer;
  const epoch = await store.startAttempt(entryOf(request, regionPool), fromEpoch);
  if (epoch === null) return { kind: 'continued' };
  const acceptance = { sessionId, fromEpoch: offer.epoch, toEpoch: epoch, clientBrokerId: brokerId };
  const outcome = await store
    .acceptOffer(regionPool, acceptance, limits.reservationMs)
    .catch((error: unknown) => unansweredOf(error));
  if (outcome.kind === 'unanswered') return { kind: 'unknown', epoch };
  if (outcome.kind === 'gone') return { kind: 'gone', epoch };
  const { session, hostConnectionId } = outcome;
  if (session.meta === null)
    throw new Error(`The store returned the accepted session ${sessionId} without metadata.`);
  const placed: PlacedSession = {
    regionPool,
    sessionId,
    epoch: session.epoch,
    hostId: session.hostId,
    hostConnectionId,
    claimWithinMs: limits.reservationMs,
    meta: session.meta,
    arrivedAtMs: request.state.arrivedAtMs,
  };
  return { kind: 'placed', placed, epoch };
}

function unansweredOf(error: unknown): { readonly kind: 'unanswered' } {
  if (error instanceof StoreUnavailableError) return { kind: 'unanswered' };
  throw error;
}

/** Checks that the request still belongs to this connection. It may have been cancelled or continued on another broker. */
export async function verifyOwner(
  context: StoreAccess,
  request: ActiveRequest,
): Promise<Omit<Result<'verified'>, 'type'>> {
  const { terms, epoch, queues } = request.state;
  const regionPool = queues[0] ?? terms.candidates[0]?.regionPool;
  const acceptable = acceptableNow(context, request);
  if (regionPool === undefined) return { standing: 'unknown', epoch, acceptable };
  const [outcome] = await context.store.recordRequests([entryOf(request, regionPool)]);
  switch (outcome?.kind) {
    // The store lost its data and recorded the request again.
    case 'new':
      return { standing: 'own', epoch: 1, acceptable };
    case 'repeat':
      return { standing: standingOf(outcome.record, request), epoch, acceptable };
    case 'live':
      return { standing: 'replaced', epoch, acceptable };
    case undefined:
      return { standing: 'unknown', epoch, acceptable };
  }
}

/** Starts a new attempt of a request whose queue positions all expired. */
export async function requeue(context: StoreAccess, request: ActiveRequest): Promise<number | null> {
  const { queues, epoch } = request.state;
  const [regionPool] = queues;
  return regionPool === undefined ? null : context.store.startAttempt(entryOf(request, regionPool), epoch);
}
