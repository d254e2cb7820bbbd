import type { Accept } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Requests } from '../requests/ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { requestKeyOf, type WaitingRequest } from '../requests/waiting-requests.js';

/** Answers `accept`: the offer becomes a reservation, and `play` goes on with it. */
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
 * Carries out the client's yes. Two steps, each safe to repeat: the claim's epoch is raised, which only one broker
 * can do, and then the offer becomes a reservation of that epoch. While the store is away the yes stands, and the
 * next look tries again.
 */
export async function confirmOffer(context: CorePorts, request: WaitingRequest): Promise<void> {
  const { offer, client, message, sessionId } = request;
  if (offer === null || request.accepting) return;
  request.accepting = true;
  const { store, limits, brokerId } = context;
  try {
    const toEpoch = await store.startAttempt(requestKeyOf(request, offer.place), request.requestEpoch);
    if (toEpoch === null) {
      // Taken back or gone on with elsewhere; or an attempt of ours did get through, and the client asks once more.
      request.reject(new Refusal(request.acceptUncertain ? 'UNAVAILABLE' : 'CANCELLED'));
      return;
    }
    request.requestEpoch = toEpoch;
    const order = { sessionId, fromEpoch: offer.epoch, toEpoch, clientBrokerId: brokerId };
    const outcome = await store.acceptOffer(offer.place, order, limits.reservationMs);
    if (outcome.kind === 'gone') {
      request.offer = null;
      if (client.pendingRequests.get(message.requestId)?.cancelled === true) {
        request.reject(new Refusal('CANCELLED'));
        return;
      }
      client.channel.send(errorMessage(new Refusal('NO_OFFER'), { requestId: message.requestId }));
      return;
    }
    request.queues.delete(regionPoolName(offer.place));
    await leaveAllQueues(context, request);
    const { session, hostConnectionId } = outcome;
    if (session.meta === null) throw new Error('an accepted session has no meta');
    request.resolve({
      place: offer.place,
      sessionId,
      epoch: session.epoch,
      hostId: session.hostId,
      hostConnectionId,
      claimWithinMs: limits.reservationMs,
      meta: session.meta,
      arrivedAtMs: request.arrivedAtMs,
    });
  } catch (error) {
    // Neither yes nor no: the look finds out what became of it.
    if (toRefusal(error).code !== 'UNAVAILABLE') throw error;
    request.acceptUncertain = true;
  } finally {
    request.accepting = false;
  }
}

/** Takes a request out of all queues it stands in. What fails is found by the sweep, a minute later. */
export async function leaveAllQueues(context: CorePorts, request: WaitingRequest): Promise<void> {
  const places = [...request.queues.values()];
  request.queues.clear();
  await Promise.allSettled(places.map((place) => leaveQueue(context, request, place)));
}

async function leaveQueue(context: CorePorts, request: WaitingRequest, place: RegionPool): Promise<void> {
  const order = { sessionId: request.sessionId, belowEpoch: request.requestEpoch };
  notifyAllOfEnd(context, place, await context.batches.leaveQueue(place, order));
}
