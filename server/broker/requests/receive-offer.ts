import type { RegionPool } from '../../domain/catalog.js';
import type { Offer } from '../../domain/play-request/play-request.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { RequestRunning, Requests } from './ports.js';

/** Notifies the waiting request of a session that a slot is offered, or that it is over because it missed its second offer. */
export function notifyWaitingRequest(
  context: BrokerSettings & Runtime & StoreAccess & Requests & RequestRunning,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const request = context.activeRequests.findBySession(session.sessionId);
  if (request === undefined) return;
  if (session.state === 'offered') {
    const offer = offerOf(context, regionPool, session);
    context.requestRunner.dispatch(request, { type: 'offer_received', offer });
  } else if (session.state === 'ended' && session.hostId === '' && session.reason === 'reservation_expired') {
    context.requestRunner.dispatch(request, { type: 'missed_second_offer' });
  }
}

/** The offer of a session in the state `offered`, as received now. */
export function offerOf(
  { limits, clock, storeClock }: BrokerSettings & Runtime & StoreAccess,
  regionPool: RegionPool,
  { epoch, reservedAtMs }: SessionRecord,
): Offer {
  const receivedAtMs = clock.monotonicMs();
  const expiresAtMs = receivedAtMs + offerTimeLeftMs(limits.offerMs, storeClock.ageOf(reservedAtMs));
  return { regionPool, epoch, madeAtMs: reservedAtMs, receivedAtMs, expiresAtMs };
}

/** The rest of the offer's time: the offer may have been made while the client was disconnected, and the store ends it. */
function offerTimeLeftMs(offerMs: number, ageMs: number): number {
  return Math.max(0, offerMs - ageMs);
}
