import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult, Standing } from '../../domain/play-request/events.js';
import type { Connections } from '../connections/ports.js';
import { confirmOffer, joinQueues, requeue, verifyOwner } from '../queue/queue-calls.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import { rememberedRequest } from '../requests/request-record.js';
import { readStanding } from '../requests/standing.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { cachedEndpoint } from './create-matched.js';
import { inspectOther, replaceOther, resumeOther } from './conflict-calls.js';
import { leaveStore } from './leave-call.js';
import { locateRequest } from './locate-call.js';
import { recordRequest } from './record-call.js';
import { reserveSlot } from './reserve-call.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

type Ports = BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Requests;
type Result = RequestResult<PlacedSession>;
type Described = Extract<Result, { readonly type: 'described' }>;

/**
 * Makes one call of a request to the store. The calls that every match makes return their results directly, because each further
 * promise costs time.
 *
 * @throws StoreUnavailableError when the store does not answer
 */
export function makeCall(
  context: Ports,
  runner: RequestRunner,
  request: ActiveRequest,
  call: RequestCall<PlacedSession>,
): Result | Promise<Result> {
  switch (call.type) {
    case 'record':
      return recordRequest(context, request);
    case 'reserve':
      return reserveSlot(context, request, call.index);
    case 'describe':
      return describeHost(context, request, call.placed);
    case 'locate':
      return locateRequest(context, request, call.record).then((result) => ({ type: 'located', result }));
    case 'inspect':
      return inspectOther(context, request, call.other).then((found) => ({ type: 'inspected', found }));
    case 'replace':
      return replaceOther(context, runner, request, call).then((outcome) => ({ type: 'replaced', outcome }));
    case 'resume':
      return resumeOther(context, request, call.other).then((result) => ({ type: 'resumed', result }));
    case 'start_attempt':
      return startAttempt(context, request, call).then((result) => ({ type: 'attempt_started', result }));
    case 'join':
      return joinQueues(context, runner, request, call.regionPools);
    case 'confirm':
      return confirmOffer(context, request, call.offer).then((result) => ({ type: 'confirmed', result }));
    case 'verify':
      return verifyOwner(context, request).then((verified) => ({ type: 'verified', ...verified }));
    case 'requeue':
      return requeue(context, request).then((epoch) => ({ type: 'requeued', epoch }));
    case 'leave':
      return leaveStore(context, request, call).then(() => ({ type: 'left' }));
  }
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
  // Whoever cancels a request on another connection raises its epoch.
  if (record?.state === 'over' && record.epoch > fromEpoch) return { kind: 'refused', code: 'CANCELLED' };
  // Another connection of the client repeated the request, and has begun an attempt.
  if (record?.state === 'live')
    return { kind: 'continued', record: rememberedRequest(entry.requestId, record) };
  // No other broker has started an attempt, so another request of the player is live.
  const isOtherLive = record?.state === 'over' && record.epoch === fromEpoch;
  return { kind: 'refused', code: isOtherLive ? 'SESSION_EXISTS' : 'UNAVAILABLE' };
}

/**
 * Reads the endpoint of the host, and checks that the request still belongs to this broker when it took longer than
 * `requestGraceMs` (process paused or network stalled): another broker may have continued it.
 */
function describeHost(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Described | Promise<Described> {
  const isLate = context.clock.monotonicMs() - request.arrivedHereAtMs > context.intervals.requestGraceMs;
  if (isLate && !request.hasWaited && placed.earlierSession === undefined)
    return describeIfOwn(context, request, placed);
  return readEndpoint(context, request, placed);
}

/** What becomes of a request that is not this broker's own any more. */
const DESCRIBED_AS: Readonly<Record<Exclude<Standing, 'own'>, Described['result']>> = {
  replaced: 'replaced',
  resumed: 'resumed',
  over: 'cancelled',
  continued: 'replaced',
  unknown: 'unknown',
};

async function describeIfOwn(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<Described> {
  const standing = await readStanding(context, request);
  if (standing === 'own') return readEndpoint(context, request, placed);
  return { type: 'described', result: DESCRIBED_AS[standing] };
}

/** The broker knows the endpoints of most hosts, and does not wait for them then. */
function readEndpoint(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Described | Promise<Described> {
  const endpoint = cachedEndpoint(context, placed);
  if (endpoint !== undefined) return describedAs(request, endpoint);
  const { regionPool, hostId } = placed;
  return context.fleet.fetchEndpoint(regionPool, hostId).then((found) => describedAs(request, found));
}

function describedAs(request: ActiveRequest, endpoint: string | undefined): Described {
  request.endpoint = endpoint;
  return { type: 'described', result: endpoint === undefined ? 'host_left' : 'ready' };
}
