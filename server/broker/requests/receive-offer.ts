import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { Requests } from './ports.js';
import { Refusal } from '../refusal.js';
import { requestKeyOf, type WaitingRequest } from './waiting-requests.js';

/** A waiting request was offered a slot, or the time for its offer ran out for good. */
export function notifyWaitingRequest(
  context: BrokerSettings & StoreAccess & Requests,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const request = context.waitingRequests.findBySession(session.sessionId);
  if (request === undefined) return;
  if (session.state === 'offered') receiveOffer(context, request, regionPool, session);
  else if (session.state === 'ended' && session.hostId === '' && session.reason === 'reservation_expired') {
    request.reject(new Refusal('TIMED_OUT'));
  }
}

/** The turn of a waiting request came: tells its client, or gives the slot back when it has an offer already. */
export function receiveOffer(
  context: BrokerSettings & StoreAccess,
  request: WaitingRequest,
  place: RegionPool,
  { epoch, reservedAtMs }: SessionRecord,
): void {
  const { offer, message } = request;
  const nowMs = performance.now();
  // One that was missed and that the store is about to take back is no reason to pass this one on.
  const holds = offer !== null && (request.accepted || nowMs < offer.expiresAtMs);
  if (holds && regionPoolName(offer.place) !== regionPoolName(place)) {
    request.queues.delete(regionPoolName(place));
    void returnOffer(context, request, place, offer.place);
    return;
  }
  if (offer?.madeAtMs === reservedAtMs) return;
  const acceptWithinMs = offerTimeLeftMs(context.limits.offerMs, reservedAtMs);
  request.offer = {
    place,
    epoch,
    madeAtMs: reservedAtMs,
    receivedAtMs: nowMs,
    expiresAtMs: nowMs + acceptWithinMs,
  };
  request.accepted = false;
  request.lastSentPosition = undefined;
  request.client.channel.send({
    type: 'offer',
    requestId: message.requestId,
    region: place.region,
    acceptWithinMs,
  });
}

/** What is left of the offer's time: it may have been made before the client came back, and the store ends it. */
function offerTimeLeftMs(offerMs: number, madeAtMs: number): number {
  return Math.min(offerMs, Math.max(0, offerMs - (Date.now() - madeAtMs)));
}

/** The slot goes to the next in line, and the request is noted where it goes on. */
async function returnOffer(
  context: StoreAccess,
  request: WaitingRequest,
  place: RegionPool,
  offeredIn: RegionPool,
): Promise<void> {
  try {
    await context.batches.leaveQueue(place, { sessionId: request.sessionId, belowEpoch: 0 });
    await context.store.setRequestPool(requestKeyOf(request, offeredIn));
  } catch {
    // The offer runs out, and the sweep passes it on.
  }
}
