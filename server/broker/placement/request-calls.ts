import { isSameRegionPool } from '../../domain/catalog.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult, ReserveResult } from '../../domain/play-request/events.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Credentials } from '../credentials.js';
import { confirmOffer, joinQueues, requeue, verifyOwner } from '../queue/queue-calls.js';
import { Refusal } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { cachedEndpoint } from './create-matched.js';
import { inspectOther, replaceOther, resumeOther } from './conflict-calls.js';
import { leaveStore } from './leave-call.js';
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
    case 'start_attempt': {
      const entry = entryOf(request, call.regionPool);
      return { type: 'attempt_started', epoch: await context.store.startAttempt(entry, call.fromEpoch) };
    }
    case 'describe':
      return { type: 'described', result: await describeHost(context, request, call.placed) };
    case 'join':
      return joinQueues(context, runner, request, call.regionPools);
    case 'confirm':
      return { type: 'confirmed', result: await confirmOffer(context, request, call.offer) };
    case 'verify':
      return { type: 'verified', owner: await verifyOwner(context, request) };
    case 'requeue':
      return { type: 'requeued', epoch: await requeue(context, request) };
    case 'leave':
      await leaveStore(context, request, call);
      return { type: 'left' };
  }
}

async function reserve(
  context: Ports,
  request: ActiveRequest,
  index: number,
): Promise<ReserveResult<PlacedSession>> {
  const { client, message, state } = request;
  const { sessionId, epoch } = state;
  const { candidates } = state.terms;
  try {
    const placed = await tryCandidate(context, { client, message, candidates, sessionId, epoch }, index);
    if (placed === undefined) return { kind: 'full' };
    const [best] = candidates;
    // Conflict checks and repeated requests look in the recorded region pool first.
    const isRecorded = state.lostIn === null && best !== undefined && isSameRegionPool(best.regionPool, placed.regionPool);
    if (!isRecorded) await context.store.setRequestPool({ ...entryOf(request, placed.regionPool), sessionId });
    return { kind: 'placed', placed };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', code: error.code };
    throw error;
  }
}

/**
 * Reads the endpoint of the host, and checks that the request still belongs to this broker when it took longer than
 * `requestGraceMs` (process paused or network stalled): another broker may have continued it.
 */
async function describeHost(
  context: Ports,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<'ready' | 'host_left' | 'taken_over'> {
  const isLate = performance.now() - request.arrivedHereAtMs > context.intervals.requestGraceMs;
  if (isLate && !request.hasWaited && placed.earlierSession === undefined) {
    const record = await context.batches.findRequest({ playerId: request.client.playerId, requestId: request.message.requestId });
    const isOwner = record?.sessionId === placed.sessionId && record.epoch === placed.epoch;
    if (!isOwner) return 'taken_over';
  }
  request.endpoint =
    cachedEndpoint(context, placed) ?? (await context.fleet.fetchEndpoint(placed.regionPool, placed.hostId));
  return request.endpoint === undefined ? 'host_left' : 'ready';
}
