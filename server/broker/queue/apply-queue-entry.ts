import { isSameRegionPool, regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { CorePorts } from '../core-ports.js';
import { Refusal } from '../refusal.js';
import { placedFromSession } from '../requests/placed-from-session.js';
import { receiveOffer } from '../requests/receive-offer.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { leaveAllQueues } from './accept-offer.js';
import { interpretQueueEntry, isOfferGone, type QueueEntry } from './queue-entries.js';
import { RequestSuperseded } from './request-superseded.js';

/**
 * Brings a request up to date with one of its queue entries.
 *
 * @param queriedAtMs when the store was queried, by `performance.now()`: the entry knows nothing of offers received later
 * @throws Refusal TIMED_OUT; UNAVAILABLE; RequestSuperseded
 */
export async function applyQueueEntry(
  context: CorePorts,
  request: WaitingRequest,
  entry: QueueEntry,
  queriedAtMs: number,
): Promise<void> {
  const { offer } = request;
  const isEntryOfOffer =
    offer !== null &&
    isSameRegionPool(offer.regionPool, entry.regionPool) &&
    offer.receivedAtMs < queriedAtMs;
  if (isEntryOfOffer && isOfferGone(entry) && !request.accepting) request.offer = null;

  const { regionPool } = entry;
  const meaning = interpretQueueEntry(request, entry.status);
  switch (meaning.kind) {
    case 'none':
      return;
    case 'waiting':
      request.arrivedAtMs ??= meaning.arrivedAtMs;
      return;
    case 'offered':
      receiveOffer(context, request, regionPool, meaning.session);
      return;
    case 'timed_out':
      throw new Refusal('TIMED_OUT');
    case 'recovered': {
      const session = await restoreSessionOwner(context, request, regionPool, meaning.session);
      await resolveWithSession(context, request, regionPool, session);
      return;
    }
    case 'accepted':
      if (meaning.session.clientBrokerId !== context.brokerId)
        await attachSessionHere(context, request, regionPool);
      await resolveWithSession(context, request, regionPool, meaning.session);
      return;
    default:
      meaning satisfies never;
  }
}

/** Takes the request out of all its queues, and resolves it with the session that it became. */
async function resolveWithSession(
  context: CorePorts,
  request: WaitingRequest,
  regionPool: RegionPool,
  session: SessionRecord,
): Promise<void> {
  const placed = await placedFromSession(context, regionPool, session, context.limits.reservationMs);
  request.queues.delete(regionPoolName(regionPool));
  await leaveAllQueues(context, request);
  request.resolve({ ...placed, arrivedAtMs: request.arrivedAtMs });
}

/** Stores player and request of a session that the store knows only from its host's report. */
async function restoreSessionOwner(
  context: BrokerSettings & StoreAccess,
  { client, message, candidates }: WaitingRequest,
  regionPool: RegionPool,
  session: SessionRecord,
): Promise<SessionRecord> {
  const meta = createSessionMeta(context, client, message, candidates, regionPool);
  if (session.meta !== null || meta === undefined) return session;
  const { sessionId, epoch } = session;
  const owned = { sessionId, epoch, clientBrokerId: context.brokerId, meta };
  const [restored] = await context.store.restoreSessions(regionPool, [owned]);
  return restored ?? session;
}

/**
 * Makes this broker the client's broker of a session that another broker accepted: two connections of the player had the
 * offer, and the session belongs to the one that started the latest attempt.
 */
async function attachSessionHere(
  context: BrokerSettings & StoreAccess,
  { client, message, sessionId, requestEpoch }: WaitingRequest,
  regionPool: RegionPool,
): Promise<void> {
  const record = await context.batches.findRequest({
    playerId: client.playerId,
    requestId: message.requestId,
  });
  const isLatestAttempt = record?.sessionId === sessionId && record.epoch === requestEpoch;
  if (!isLatestAttempt) throw new RequestSuperseded();
  await context.store.setClientBroker(regionPool, sessionId, context.brokerId);
}
