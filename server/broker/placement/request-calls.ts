import { isSameRegionPool } from '../../domain/catalog.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult, ReserveResult } from '../../domain/play-request/events.js';
import { toRefusalCode } from '../../domain/play-request/refusal-codes.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Credentials } from '../credentials.js';
import { confirmOffer, joinQueues, requeue, verifyOwner } from '../queue/queue-calls.js';
import { Refusal } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import { readStanding } from '../requests/standing.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
import { cachedEndpoint } from './create-matched.js';
import { inspectOther, replaceOther, resumeOther } from './conflict-calls.js';
import { leaveStore, releaseSlot } from './leave-call.js';
import { locateRequest } from './locate-call.js';
import { recordRequest } from './record-call.js';
import { tryCandidate } from './try-candidate.js';

type Ports = CorePorts & Connections & Requests & Credentials;
type Result = RequestResult<PlacedSession>;

/**
 * Makes one call of a request to the store.
 *
 * @throws StoreUnavailableError when the store does not answer
 */
export async function makeCall(
  context: Ports,
  runner: RequestRunner,
  request: ActiveRequest,
  call: RequestCall<PlacedSession>,
): Promise<Result> {
  switch (call.type) {
    case 'record':
      return recordRequest(context, request);
    case 'reserve':
      return { type: 'reserved', result: await reserve(context, request, call.index) };
    case 'locate':
      return { type: 'located', result: await locateRequest(context, request, call.record) };
    case 'inspect':
      return { type: 'inspected', found: await inspectOther(context, request, call.other) };
    case 'replace':
      return { type: 'replaced', outcome: await replaceOther(context, runner, request, call) };
    case 'resume':
      return { type: 'resumed', result: await resumeOther(context, request, call.other) };
    case 'start_attempt':
      return { type: 'attempt_started', result: await startAttempt(context, request, call) };
    case 'describe':
      return { type: 'described', result: await describeHost(context, request, call.placed) };
    case 'join':
      return joinQueues(context, runner, request, call.regionPools);
    case 'confirm':
      return { type: 'confirmed', result: await confirmOffer(context, request, call.offer) };
    case 'verify':
      return { type: 'verified', ...(await verifyOwner(context, request)) };
    case 'requeue':
      return { type: 'requeued', epoch: await requeue(context, request) };
    case 'leave':
      await leave(context, request, call);
      return { type: 'left' };
  }
}

/** Gives up what a request has in the store, if need be after an outage. */
async function leave(
  context: Ports,
  request: ActiveRequest,
  call: Extract<RequestCall<PlacedSession>, { readonly type: 'leave' }>,
): Promise<void> {
  const { client, state } = request;
  const { phase } = state;
  const isAboutOutage =
    phase.name === 'leaving' && phase.answer.kind === 'refused' && phase.answer.code === 'UNAVAILABLE';
  // The client is told at once that the store does not answer. Its repeated request finds what is left.
  if (isAboutOutage) await leaveStore(context, request, call);
  else
    await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () => leaveStore(context, request, call));
}

async function reserve(
  context: Ports,
  request: ActiveRequest,
  index: number,
): Promise<ReserveResult<PlacedSession>> {
  const { client, message, state } = request;
  const { sessionId, epoch } = state;
  const { candidates } = state.terms;
  // A slot that is reserved while the request is being recorded is reserved before another request can replace this one.
  const isAhead = state.phase.name === 'recording';
  try {
    const placed = await tryCandidate(context, { client, message, candidates, sessionId, epoch }, index);
    if (placed === undefined) return { kind: 'full' };
    return isAhead ? { kind: 'placed', placed } : await keepSlot(context, request, placed);
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', code: toRefusalCode(error.code) };
    throw error;
  }
}

/** Releases a slot if another request or broker continued this request before the slot was reserved, and so could not find it. */
async function keepSlot(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<ReserveResult<PlacedSession>> {
  const [standing] = await Promise.all([
    readStanding(context, request),
    recordRegionPool(context, request, placed),
  ]);
  if (standing === 'own') return { kind: 'placed', placed };
  await releaseSlot(context, placed);
  return standing === 'replaced' || standing === 'resumed'
    ? { kind: 'replaced' }
    : { kind: 'refused', code: 'UNAVAILABLE' };
}

/** Records the region pool of the slot, unless the record names it already. Conflict checks read the session there. */
async function recordRegionPool(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<void> {
  const { lostIn, terms } = request.state;
  const [best] = terms.candidates;
  const isRecorded =
    lostIn === null && best !== undefined && isSameRegionPool(best.regionPool, placed.regionPool);
  if (!isRecorded) await context.store.setRequestPool(entryOf(request, placed.regionPool));
}

async function startAttempt(
  context: Ports,
  request: ActiveRequest,
  { fromEpoch, regionPool }: Extract<RequestCall<PlacedSession>, { readonly type: 'start_attempt' }>,
): Promise<Extract<Result, { readonly type: 'attempt_started' }>['result']> {
  const entry = entryOf(request, regionPool);
  const epoch = await context.store.startAttempt(entry, fromEpoch);
  if (epoch !== null) return { kind: 'started', epoch };
  const record = await context.batches.findRequest(entry);
  if (record?.state === 'replaced') return { kind: 'replaced' };
  // No other broker has started an attempt, so another request of the player is live.
  const isOtherLive = record?.state === 'over' && record.epoch === fromEpoch;
  return { kind: 'refused', code: isOtherLive ? 'SESSION_EXISTS' : 'UNAVAILABLE' };
}

/**
 * Reads the endpoint of the host, and checks that the request still belongs to this broker when it took longer than
 * `requestGraceMs` (process paused or network stalled): another broker may have continued it.
 */
async function describeHost(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<Extract<Result, { readonly type: 'described' }>['result']> {
  const isLate = context.clock.monotonicMs() - request.arrivedHereAtMs > context.intervals.requestGraceMs;
  if (isLate && !request.hasWaited && placed.earlierSession === undefined) {
    const standing = await readStanding(context, request);
    if (standing !== 'own')
      return standing === 'replaced' || standing === 'resumed' ? 'replaced' : 'continued';
  }
  request.endpoint =
    cachedEndpoint(context, placed) ?? (await context.fleet.fetchEndpoint(placed.regionPool, placed.hostId));
  return request.endpoint === undefined ? 'host_left' : 'ready';
}
