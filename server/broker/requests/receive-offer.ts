import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { Requests } from './ports.js';
import { Refusal } from '../refusal.js';
import { requestEntryOf, type WaitingRequest } from './waiting-requests.js';

/** Updates the waiting request of a session that was offered a slot, or that ended because it missed its second offer. */
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

/** Sends the client an offer, or returns the slot when the request has a valid offer in another region pool. */
export function receiveOffer(
  context: BrokerSettings & StoreAccess,
  request: WaitingRequest,
  regionPool: RegionPool,
  { epoch, reservedAtMs }: SessionRecord,
): void {
  const { offer, message } = request;
  const nowMs = performance.now();
  // An expired offer, which the store takes back at its next sweep, does not count.
  const hasValidOffer = offer !== null && (request.accepted || nowMs < offer.expiresAtMs);
  if (hasValidOffer && regionPoolName(offer.regionPool) !== regionPoolName(regionPool)) {
    request.queues.delete(regionPoolName(regionPool));
    void returnOffer(context, request, regionPool, offer.regionPool);
    return;
  }
  if (offer?.madeAtMs === reservedAtMs) return;
  const acceptWithinMs = offerTimeLeftMs(context.limits.offerMs, reservedAtMs);
  request.offer = {
    regionPool,
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
    region: regionPool.region,
    acceptWithinMs,
  });
}

/** The rest of the offer's time: the offer may have been made while the client was disconnected, and the store ends it. */
function offerTimeLeftMs(offerMs: number, madeAtMs: number): number {
  return Math.min(offerMs, Math.max(0, offerMs - (Date.now() - madeAtMs)));
}

/** Returns the slot to the next request in the queue, and records the region pool in which this request continues. */
async function returnOffer(
  context: StoreAccess,
  request: WaitingRequest,
  regionPool: RegionPool,
  keptOfferIn: RegionPool,
): Promise<void> {
  try {
    await context.batches.withdrawPlacement(regionPool, { sessionId: request.sessionId, belowEpoch: 0 });
    await context.store.setRequestPool(requestEntryOf(request, keptOfferIn));
  } catch {
    // The store is unreachable: the offer expires, and the sweep passes it on.
  }
}
