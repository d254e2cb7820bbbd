import { placeName, type Place } from '../domain/catalog.js';
import type { SessionRecord } from '../store/fleet-store.js';
import type { BrokerContext } from './context.js';
import { claimOf, type WaitingRequest } from './waiting-room.js';

/** The turn of a waiting request came: tells its client, or gives the slot back when it has an offer already. */
export function takeOffer(
  context: BrokerContext,
  request: WaitingRequest,
  place: Place,
  { epoch, reservedAtMs }: SessionRecord,
): void {
  const { offer, message } = request;
  const nowMs = performance.now();
  // One that was missed and that the store is about to take back is no reason to pass this one on.
  const holds = offer !== null && (request.accepted || nowMs < offer.untilMs);
  if (holds && placeName(offer.place) !== placeName(place)) {
    request.places.delete(placeName(place));
    void giveBack(context, request, place, offer.place);
    return;
  }
  if (offer?.madeAtMs === reservedAtMs) return;
  const acceptWithinMs = leftOf(context.limits.offerMs, reservedAtMs);
  request.offer = { place, epoch, madeAtMs: reservedAtMs, heardAtMs: nowMs, untilMs: nowMs + acceptWithinMs };
  request.accepted = false;
  request.told = undefined;
  request.client.channel.send({
    type: 'offer',
    requestId: message.requestId,
    region: place.region,
    acceptWithinMs,
  });
}

/** What is left of the offer's time: it may have been made before the client came back, and the store ends it. */
function leftOf(offerMs: number, madeAtMs: number): number {
  return Math.min(offerMs, Math.max(0, offerMs - (Date.now() - madeAtMs)));
}

/** The slot goes to the next in line, and the request is noted where it goes on. */
async function giveBack(
  context: BrokerContext,
  request: WaitingRequest,
  place: Place,
  offeredIn: Place,
): Promise<void> {
  try {
    await context.batches.withdraw(place, { sessionId: request.sessionId, belowEpoch: 0 });
    await context.store.moveClaim(claimOf(request, offeredIn));
  } catch {
    // The offer runs out, and the sweep passes it on.
  }
}
