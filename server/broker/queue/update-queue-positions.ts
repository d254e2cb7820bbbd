import type { Queued } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { estimateWait } from '../../domain/queue-estimate.js';
import type { PlacementStatus, QueueStatus, SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { Requests } from '../requests/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { acceptableRegionPools, joinQueues, noQueueRefusal, openCandidates } from './join-queues.js';
import { confirmOffer, leaveAllQueues } from './accept-offer.js';
import { findRequestRecord, placedFromSession } from '../requests/earlier-request.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import { Refusal, toRefusal } from '../refusal.js';
import { receiveOffer } from '../requests/receive-offer.js';
import { requestKeyOf, type WaitingRequest } from '../requests/waiting-requests.js';

/** Where a request stands in one queue. */
interface QueueStanding {
  readonly place: RegionPool;
  readonly status: PlacementStatus;
  readonly freedPerMs: number | null;
}

/** One look at every queue in which somebody of this broker waits: offers, positions, further regions. */
export async function pollQueues(context: CorePorts & Requests): Promise<void> {
  const askedAtMs = performance.now();
  const standings = new Map<WaitingRequest, QueueStanding[]>();
  await Promise.all(
    context.waitingRequests.groupByQueue().map(async ({ place, requests }) => {
      const ids = requests.map(({ sessionId }) => sessionId);
      const report = await context.store.getQueueStatus(place, ids, true);
      requests.forEach((request, i) => {
        const standing = standingOf(place, report, i);
        standings.set(request, [...(standings.get(request) ?? []), standing]);
      });
    }),
  );
  await Promise.all(
    [...standings].map(([request, found]) => updateRequest(context, request, found, askedAtMs)),
  );
}

/** Tells a client where its request stands now. */
export async function sendQueuePosition(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
): Promise<void> {
  const standings = await Promise.all(
    [...request.queues.values()].map(async (place) =>
      standingOf(place, await context.batches.queueStatus(place, request.sessionId), 0),
    ),
  );
  sendPositionIfChanged(context, request, standings);
}

function standingOf(
  place: RegionPool,
  { placements, freedPerMs }: QueueStatus,
  index: number,
): QueueStanding {
  return { place, status: placements[index] ?? { kind: 'unknown' }, freedPerMs };
}

async function updateRequest(
  context: CorePorts & Requests,
  request: WaitingRequest,
  standings: readonly QueueStanding[],
  askedAtMs: number,
): Promise<void> {
  // Settled or taken back while the store was asked.
  if (!context.waitingRequests.has(request)) return;
  try {
    if (isHeldElsewhere(context, standings)) throw new Superseded('CANCELLED');
    await recordMissedOffer(context, request, standings);
    for (const { place, status } of standings) {
      await applyStanding(context, request, place, status, askedAtMs);
      if (!context.waitingRequests.has(request)) return;
    }
    if (request.offer !== null && request.accepted) await confirmOffer(context, request);
    if (standings.every(({ status }) => hasPositionExpired(status))) {
      await requeueExpired(context, request);
      return;
    }
    // A store that lost something, or somebody who took the request back elsewhere: then not all queues are left at once.
    if (standings.some(({ status }) => status.kind === 'unknown')) {
      if (!(await verifyRequestOwner(context, request))) throw new Refusal('CANCELLED');
    }
    await rejoinQueues(context, request, standings);
    sendPositionIfChanged(context, request, standings);
  } catch (error) {
    // The store is away: the next look finds everything as it is then.
    if (toRefusal(error).code === 'UNAVAILABLE') return;
    if (!(error instanceof Superseded)) await leaveAllQueues(context, request);
    request.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A missed offer counts in every queue: whoever took it back may not have reached them all. */
async function recordMissedOffer(
  context: StoreAccess,
  request: WaitingRequest,
  standings: readonly QueueStanding[],
): Promise<void> {
  const waiting = standings.flatMap(({ place, status }) =>
    status.kind === 'waiting' ? [{ place, missed: status.missed }] : [],
  );
  request.missedOffer ||= waiting.some(({ missed }) => missed);
  if (!request.missedOffer) return;
  const unaware = waiting.filter(({ missed }) => !missed);
  await Promise.all(unaware.map(({ place }) => context.store.recordMissedOffers(place, [request.sessionId])));
}

async function applyStanding(
  context: CorePorts,
  request: WaitingRequest,
  place: RegionPool,
  status: PlacementStatus,
  askedAtMs: number,
): Promise<void> {
  const { offer } = request;
  if (
    offer !== null &&
    regionPoolName(offer.place) === regionPoolName(place) &&
    offer.receivedAtMs < askedAtMs
  ) {
    // The offer ran out, or went with its host: it is in the queue again.
    const gone = status.kind !== 'session' || status.session.state !== 'offered';
    if (gone && !request.accepting) request.offer = null;
  }
  if (status.kind === 'waiting') request.arrivedAtMs ??= status.arrivedAtMs;
  if (status.kind !== 'session') return;
  const { session } = status;
  if (session.state === 'offered') {
    receiveOffer(context, request, place, session);
  } else if (session.state === 'ended') {
    // Declined offers and older epochs leave records, too, which say nothing about this request.
    if (session.hostId === '' && session.reason === 'reservation_expired') throw new Refusal('TIMED_OUT');
  } else if (session.state !== 'reserved' && session.epoch < request.requestEpoch) {
    // It was thought lost, and its host has let the player in all the same.
    await resolveWithSession(
      context,
      request,
      place,
      await restoreSessionOwner(context, request, place, session),
    );
  } else if (session.epoch >= request.requestEpoch && !request.accepting) {
    // Accepted, and the answer was lost; or on another broker.
    if (session.clientBrokerId !== context.brokerId) await attachSessionHere(context, request, place);
    await resolveWithSession(context, request, place, session);
  }
}

/** It is a session by now: it leaves all queues. */
async function resolveWithSession(
  context: CorePorts,
  request: WaitingRequest,
  place: RegionPool,
  session: SessionRecord,
): Promise<void> {
  const placed = await placedFromSession(context, place, session, context.limits.reservationMs);
  request.queues.delete(regionPoolName(place));
  await leaveAllQueues(context, request);
  request.resolve({ ...placed, arrivedAtMs: request.arrivedAtMs });
}

/** Gives a session that was adopted from its host's report back whose it is. */
async function restoreSessionOwner(
  context: BrokerSettings & StoreAccess,
  { client, message, candidates }: WaitingRequest,
  place: RegionPool,
  session: SessionRecord,
): Promise<SessionRecord> {
  const meta = createSessionMeta(context, client, message, candidates, place);
  if (session.meta !== null || meta === undefined) return session;
  const { sessionId, epoch } = session;
  const owned = { sessionId, epoch, clientBrokerId: context.brokerId, meta };
  const [restored] = await context.store.restoreSessions(place, [owned]);
  return restored ?? session;
}

/** Another connection of the player, on another broker, goes on with the request. */
class Superseded extends Refusal {}

function isHeldElsewhere({ brokerId }: BrokerSettings, standings: readonly QueueStanding[]): boolean {
  const holders = standings.flatMap(({ status }) => {
    if (status.kind === 'waiting') return [status.clientBrokerId];
    const offered = status.kind === 'session' && status.session.state === 'offered';
    return offered ? [status.session.clientBrokerId] : [];
  });
  return holders.length > 0 && holders.every((holder) => holder !== '' && holder !== brokerId);
}

/** Two connections had the offer, and the other one took it: the session is the later one's. */
async function attachSessionHere(
  context: BrokerSettings & StoreAccess,
  { client, message, sessionId, requestEpoch: claimEpoch }: WaitingRequest,
  place: RegionPool,
): Promise<void> {
  const claim = await findRequestRecord(context, client.playerId, message.requestId);
  const isLater = claim?.sessionId === sessionId && claim.epoch === claimEpoch;
  if (!isLater) throw new Superseded('CANCELLED');
  await context.store.setClientBroker(place, sessionId, context.brokerId);
}

/** Nobody attended to it for too long, though its client is here: this broker was cut off, or stood still. */
function hasPositionExpired(status: PlacementStatus): boolean {
  if (status.kind !== 'session') return false;
  const { state, hostId, reason } = status.session;
  return state === 'ended' && hostId === '' && reason === 'reconnect_expired';
}

/** A request that lost its place waits as a new one. */
async function requeueExpired(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
): Promise<void> {
  const [place] = request.queues.values();
  if (place === undefined) return;
  const epoch = await context.store.startAttempt(requestKeyOf(request, place), request.requestEpoch);
  if (epoch === null) throw new Superseded('CANCELLED');
  request.requestEpoch = epoch;
  request.arrivedAtMs = null;
  request.missedOffer = false;
  request.queues.clear();
  await joinQueues(context, request, acceptableRegionPools(openCandidates(context, request), null));
  await sendQueuePosition(context, request);
}

/** Whether the request is still this connection's: it may have been cancelled or taken over on another broker. */
async function verifyRequestOwner(context: StoreAccess, request: WaitingRequest): Promise<boolean> {
  const { sessionId, requestEpoch: claimEpoch } = request;
  const [place] = request.queues.values();
  if (place === undefined) return false;
  const [claim] = await context.store.recordRequests([requestKeyOf(request, place)]);
  // A store that lost everything takes the claim anew, at epoch 1.
  if (claim?.kind === 'new') request.requestEpoch = 1;
  return (
    claim?.kind === 'new' || (claim?.record.sessionId === sessionId && claim.record.epoch === claimEpoch)
  );
}

/** Into the queues that lost the request, and those of regions that its latency policy accepts by now. */
async function rejoinQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  standings: readonly QueueStanding[],
): Promise<void> {
  for (const { place, status } of standings) {
    if (status.kind === 'unknown') request.queues.delete(regionPoolName(place));
  }
  const lost = standings.filter(({ status }) => status.kind === 'unknown').map(({ place }) => place);
  const open = openCandidates(context, request);
  const names = new Set(open.map(({ regionPool: place }) => regionPoolName(place)));
  const back = lost.filter((place) => names.has(regionPoolName(place)));
  await joinQueues(context, request, [...back, ...acceptableRegionPools(open, request.arrivedAtMs)]);
  // Its queues were closed: it is told so rather than left waiting for nothing. One whose offer is being taken has left
  // them by itself.
  const waitsForNothing = request.queues.size === 0 && request.offer === null && !request.accepting;
  if (waitsForNothing && context.waitingRequests.has(request)) throw noQueueRefusal(context, request);
}

function sendPositionIfChanged(
  context: BrokerSettings & Requests,
  request: WaitingRequest,
  standings: readonly QueueStanding[],
): void {
  if (request.offer !== null || !context.waitingRequests.has(request)) return;
  const queued = soonestPosition(request, standings);
  if (queued === undefined || isSamePosition(queued, request.lastSentPosition)) return;
  const nowMs = performance.now();
  if (nowMs - request.lastSentAtMs < context.intervals.positionMs) return;
  request.lastSentPosition = queued;
  request.lastSentAtMs = nowMs;
  request.client.channel.send(queued);
}

/** Where the request is likely to be served first. */
function soonestPosition(request: WaitingRequest, standings: readonly QueueStanding[]): Queued | undefined {
  const waiting = standings.flatMap(({ place, status, freedPerMs }) => {
    if (status.kind !== 'waiting') return [];
    const eta = estimateWait(status.ahead, freedPerMs);
    return [{ place, ahead: status.ahead, eta }];
  });
  const [best] = waiting.sort(
    (a, b) => (a.eta?.high ?? Infinity) - (b.eta?.high ?? Infinity) || a.ahead - b.ahead,
  );
  if (best === undefined) return undefined;
  return {
    type: 'queued',
    requestId: request.message.requestId,
    position: best.ahead + 1,
    region: best.place.region,
    ...(best.eta === undefined ? {} : { etaMs: best.eta }),
  };
}

function isSamePosition(a: Queued, b: Queued | undefined): boolean {
  return (
    a.position === b?.position &&
    a.region === b.region &&
    a.etaMs?.low === b.etaMs?.low &&
    a.etaMs?.high === b.etaMs?.high
  );
}
