import type { Accept } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { requestEntryOf, type WaitingRequest } from '../requests/waiting-requests.js';

/** Handles `accept`: the offer becomes a reservation, and the waiting `play` is answered with it. */
export async function acceptOffer(
  context: CorePorts & Requests,
  client: ClientConnection,
  { requestId }: Accept,
): Promise<void> {
  const request = context.waitingRequests.findByRequest(client, requestId);
  if (request === undefined || request.offer === null) {
    client.channel.send(errorMessage(new Refusal('NO_OFFER'), { requestId }));
    return;
  }
  request.accepted = true;
  await confirmOffer(context, request);
}

/**
 * Turns an accepted offer into a reservation, in two steps that may be repeated: raise the request's epoch, which only one
 * broker can do, and then reserve the slot under that epoch. If the store is unreachable, the request stays accepted and the
 * next poll of the queues tries again.
 */
export async function confirmOffer(context: CorePorts, request: WaitingRequest): Promise<void> {
  const { offer, client, message, sessionId } = request;
  if (offer === null || request.accepting) return;
  request.accepting = true;
  const { store, limits, brokerId } = context;
  try {
    const toEpoch = await store.startAttempt(requestEntryOf(request, offer.regionPool), request.requestEpoch);
    if (toEpoch === null) {
      // The request was cancelled or continues on another broker. After a call without an answer, this broker may have raised
      // the epoch itself, so the client has to repeat the request.
      request.reject(new Refusal(request.acceptUncertain ? 'UNAVAILABLE' : 'CANCELLED'));
      return;
    }
    request.requestEpoch = toEpoch;
    const acceptance = { sessionId, fromEpoch: offer.epoch, toEpoch, clientBrokerId: brokerId };
    const outcome = await store.acceptOffer(offer.regionPool, acceptance, limits.reservationMs);
    if (outcome.kind === 'gone') {
      request.offer = null;
      if (client.pendingRequests.get(message.requestId)?.cancelled === true) {
        request.reject(new Refusal('CANCELLED'));
        return;
      }
      client.channel.send(errorMessage(new Refusal('NO_OFFER'), { requestId: message.requestId }));
      return;
    }
    request.queues.delete(regionPoolName(offer.regionPool));
    await leaveAllQueues(context, request);
    const { session, hostConnectionId } = outcome;
    if (session.meta === null)
      throw new Error(`The store returned the accepted session ${sessionId} without metadata.`);
    request.resolve({
      regionPool: offer.regionPool,
      sessionId,
      epoch: session.epoch,
      hostId: session.hostId,
      hostConnectionId,
      claimWithinMs: limits.reservationMs,
      meta: session.meta,
      arrivedAtMs: request.arrivedAtMs,
    });
  } catch (error) {
    // The store may have carried out the call. The next poll of the queues finds out.
    if (toRefusal(error).code !== 'UNAVAILABLE') throw error;
    request.acceptUncertain = true;
  } finally {
    request.accepting = false;
  }
}

/** Removes a request from all its queues. The sweep removes within a minute what could not be removed here. */
export async function leaveAllQueues(context: CorePorts, request: WaitingRequest): Promise<void> {
  const regionPools = [...request.queues.values()];
  request.queues.clear();
  await Promise.allSettled(regionPools.map((regionPool) => leaveQueue(context, request, regionPool)));
}

async function leaveQueue(
  context: CorePorts,
  request: WaitingRequest,
  regionPool: RegionPool,
): Promise<void> {
  const withdrawal = { sessionId: request.sessionId, belowEpoch: request.requestEpoch };
  notifyAllOfEnd(context, regionPool, await context.batches.withdrawPlacement(regionPool, withdrawal));
}
