import type { Accept } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import { Refusal, errorMessage, toRefusal } from './refusal.js';
import { claimOf, type WaitingRequest } from './waiting-room.js';

/** Answers `accept`: the offer becomes a reservation, and `play` goes on with it. */
export async function acceptOffer(
  context: BrokerContext,
  client: ClientConnection,
  { requestId }: Accept,
): Promise<void> {
  const request = context.waiting.byRequest(client, requestId);
  if (request === undefined || request.offer === null) {
    client.channel.send(errorMessage(new Refusal('NO_OFFER'), { requestId }));
    return;
  }
  request.accepted = true;
  await settleOffer(context, request);
}

/**
 * Carries out the client's yes. Two steps, each safe to repeat: the claim's epoch is raised, which only one broker
 * can do, and then the offer becomes a reservation of that epoch. While the store is away the yes stands, and the
 * next look tries again.
 */
export async function settleOffer(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const { offer, client, message, sessionId } = request;
  if (offer === null || request.accepting) return;
  request.accepting = true;
  const { store, limits, brokerId } = context;
  try {
    const toEpoch = await store.reclaim(claimOf(request, offer.place), request.claimEpoch);
    if (toEpoch === null) {
      // Taken back or gone on with elsewhere; or an attempt of ours did get through, and the client asks once more.
      request.giveUp(new Refusal(request.unsure ? 'UNAVAILABLE' : 'CANCELLED'));
      return;
    }
    request.claimEpoch = toEpoch;
    const order = { sessionId, fromEpoch: offer.epoch, toEpoch, clientBrokerId: brokerId };
    const outcome = await store.accept(offer.place, order, limits.reservationMs);
    if (outcome.kind === 'gone') {
      request.offer = null;
      if (client.pending.get(message.requestId)?.cancelled === true) {
        request.giveUp(new Refusal('CANCELLED'));
        return;
      }
      client.channel.send(errorMessage(new Refusal('NO_OFFER'), { requestId: message.requestId }));
      return;
    }
    request.places.delete(placeName(offer.place));
    await withdrawEverywhere(context, request);
    const { session, hostConnectionId } = outcome;
    if (session.meta === null) throw new Error('an accepted session has no meta');
    request.settle({
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
    request.unsure = true;
  } finally {
    request.accepting = false;
  }
}

/** Takes a request out of all queues it stands in. What fails is found by the sweep, a minute later. */
export async function withdrawEverywhere(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const places = [...request.places.values()];
  request.places.clear();
  await Promise.allSettled(places.map((place) => withdraw(context, request, place)));
}

async function withdraw(context: BrokerContext, request: WaitingRequest, place: Place): Promise<void> {
  const order = { sessionId: request.sessionId, belowEpoch: request.claimEpoch };
  announceEnded(context, place, await context.batches.withdraw(place, order));
}
