import { placeName, type Place } from '../domain/catalog.js';
import type { SessionRecord } from '../store/fleet-store.js';
import type { BrokerContext } from './context.js';
import type { WaitingRequest } from './waiting-room.js';

/** The turn of a waiting request came: tells its client, or gives the slot back when it has an offer already. */
export function takeOffer(
  context: BrokerContext,
  request: WaitingRequest,
  place: Place,
  { epoch, reservedAtMs }: SessionRecord,
): void {
  const { offer, message, sessionId } = request;
  if (offer !== null && placeName(offer.place) !== placeName(place)) {
    request.places.delete(placeName(place));
    context.batches.withdraw(place, { sessionId, belowEpoch: 0 }).catch(() => {
      // The offer runs out, and the sweep passes it on.
    });
    return;
  }
  if (offer?.madeAtMs === reservedAtMs) return;
  request.offer = { place, epoch, madeAtMs: reservedAtMs };
  request.accepted = false;
  request.told = undefined;
  request.client.channel.send({
    type: 'offer',
    requestId: message.requestId,
    region: place.region,
    acceptWithinMs: context.limits.offerMs,
  });
}
