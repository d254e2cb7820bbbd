import { ERRORS } from '@duskline/protocol/codes';
import type { RegionPool } from '../../domain/catalog.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RefusalCode } from '../../domain/play-request/refusal-codes.js';
import type { Connections } from '../connections/ports.js';
import type { RequestKey } from '../../store/fleet-store.js';
import { notifyHostOfSession } from '../messaging/notify-host.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { raiseRequestEpoch, type RaisedEpoch } from '../requests/request-record.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import { endEarlierRequest } from './end-earlier-request.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

type LeaveCall = Extract<RequestCall<PlacedSession>, { readonly type: 'leave' }>;

/**
 * Removes a request from the store: its slot, its queue positions, and its record as the live request, so that the next request of
 * the player finds no conflict. After an outage of the store this is repeated.
 */
export async function leaveStore(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  request: ActiveRequest,
  call: LeaveCall,
): Promise<void> {
  // The client is told at once that the store does not answer. Its repeated request finds what is left.
  if (refusalCodeOf(request) === 'UNAVAILABLE') await removeFromStore(context, request, call);
  else
    await context.repeatedCalls.run(request.client, MAX_WAITING_OF_CLIENT, () =>
      removeFromStore(context, request, call),
    );
}

async function removeFromStore(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  request: ActiveRequest,
  { queues, slot, everywhere }: LeaveCall,
): Promise<void> {
  const { client, message, state } = request;
  const { playerId } = client;
  const key = { playerId, requestId: message.requestId };
  const [isOther] = await Promise.all([
    everywhere && isRecordOfOther(context, request, key),
    releaseSlot(context, slot),
  ]);
  const { sessionId } = state;
  if (isOther) {
    await withdrawRequest(context, context.fleet.regionPools, { sessionId, belowEpoch: state.epoch + 1 });
    if (refusalCodeOf(request) === 'CANCELLED') await endEarlierRequest(context, key);
    return;
  }
  const left = await leaveQueues(context, request, everywhere ? context.fleet.regionPools : queues);
  const { epoch } = left;
  const { owner } = request;
  if (owner === 'elsewhere') await endEarlierRequest(context, key);
  // The live record with the session is that of the request that continues it.
  else if (owner === 'replaced' || left.isReplaced) return;
  if (state.lostIn !== null && refusalCodeOf(request) === 'CANCELLED') {
    // The lost host may come back with the session that its client has ended.
    await withdrawRequest(context, [state.lostIn], { sessionId, belowEpoch: epoch + 1 });
  }
  if (mayUseIdAgain(request)) await context.store.deleteRequest(playerId, message.requestId);
  else await context.store.clearLiveRequests([{ playerId, sessionId, epoch }]);
}

/**
 * Whether the request's record names another session than the one that this request was to become: the client made the request before,
 * or it resumed another one, and the store's answer that says so was lost.
 */
async function isRecordOfOther(
  context: StoreAccess,
  { state }: ActiveRequest,
  key: RequestKey,
): Promise<boolean> {
  const record = await context.batches.findRequest(key);
  return record !== null && record.sessionId !== state.sessionId;
}

/**
 * Whether the client may ask again with the request's id: if the error is retryable. Otherwise the record stays: another broker that
 * still has the request, because the client sent it there before, must not believe that the store has lost it.
 */
function mayUseIdAgain(request: ActiveRequest): boolean {
  const code = refusalCodeOf(request);
  return request.state.lostIn === null && code !== undefined && ERRORS[code].retryable;
}

function refusalCodeOf({ state: { phase } }: ActiveRequest): RefusalCode | undefined {
  return phase.name === 'leaving' && phase.answer.kind === 'refused' ? phase.answer.code : undefined;
}

/**
 * Ends the session that the slot was reserved for. Hosts get `prepare` after the request is matched, so the host of a new slot needs
 * no `end`, unless it has registered meanwhile: then its broker has sent `prepare`, and sends `end` now or when it finds it in its inbox.
 */
export async function releaseSlot(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  slot: PlacedSession | null,
): Promise<void> {
  if (slot === null) return;
  const { regionPool, sessionId, epoch } = slot;
  const outcome = await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'client_left' });
  if (outcome.kind !== 'ended') return;
  if (slot.earlierSession === undefined) notifyHostOfSession(context, regionPool, outcome.session);
  else notifyAllOfEnd(context, regionPool, [outcome]);
}

/**
 * Removes a request from queues, under a new epoch: a broker that still has the request cannot queue it again, and an offer
 * whose confirmation is under way ends.
 *
 * @returns the request's epoch afterwards, and whether another request has its place
 */
async function leaveQueues(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  request: ActiveRequest,
  queues: readonly RegionPool[],
): Promise<RaisedEpoch> {
  const { client, message, state } = request;
  const { sessionId, epoch } = state;
  const [regionPool] = queues;
  if (regionPool === undefined) return { epoch, isReplaced: false };
  const record = { sessionId, epoch, regionPool };
  // A request that missed its offers keeps its epoch, so that a repeated request finds the missed offers and gets `TIMED_OUT` too.
  const left =
    refusalCodeOf(request) === 'TIMED_OUT'
      ? { epoch, isReplaced: false }
      : await raiseRequestEpoch(context, client.playerId, message.requestId, record);
  await withdrawRequest(context, queues, { sessionId, belowEpoch: left.epoch });
  return left;
}
