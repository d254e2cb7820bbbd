import type { Queued } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import { estimateWait } from '../domain/queue-estimate.js';
import type { PlacementStatus, QueueReport, SessionRecord } from '../store/fleet-store.js';
import type { BrokerContext } from './context.js';
import { acceptablePlaces, joinQueues, nowhereToWait, openCandidates } from './join-queues.js';
import { settleOffer, withdrawEverywhere } from './offers.js';
import { findClaim, placedFrom } from './claimed-request.js';
import { matchMeta } from './match-meta.js';
import { Refusal, toRefusal } from './refusal.js';
import { takeOffer } from './take-offer.js';
import { claimOf, type WaitingRequest } from './waiting-room.js';

/** Where a request stands in one queue. */
interface Standing {
  readonly place: Place;
  readonly status: PlacementStatus;
  readonly freedPerMs: number | null;
}

/** One look at every queue in which somebody of this broker waits: offers, positions, further regions. */
export async function lookAtQueues(context: BrokerContext): Promise<void> {
  const askedAtMs = performance.now();
  const standings = new Map<WaitingRequest, Standing[]>();
  await Promise.all(
    context.waiting.byPlace().map(async ({ place, requests }) => {
      const ids = requests.map(({ sessionId }) => sessionId);
      const report = await context.store.queueStatus(place, ids, true);
      requests.forEach((request, i) => {
        const standing = standingOf(place, report, i);
        standings.set(request, [...(standings.get(request) ?? []), standing]);
      });
    }),
  );
  await Promise.all([...standings].map(([request, found]) => follow(context, request, found, askedAtMs)));
}

/** Tells a client where its request stands now. */
export async function tellPosition(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const standings = await Promise.all(
    [...request.places.values()].map(async (place) =>
      standingOf(place, await context.batches.queueStatus(place, request.sessionId), 0),
    ),
  );
  tell(context, request, standings);
}

function standingOf(place: Place, { placements, freedPerMs }: QueueReport, index: number): Standing {
  return { place, status: placements[index] ?? { kind: 'unknown' }, freedPerMs };
}

async function follow(
  context: BrokerContext,
  request: WaitingRequest,
  standings: readonly Standing[],
  askedAtMs: number,
): Promise<void> {
  // Settled or taken back while the store was asked.
  if (!context.waiting.has(request)) return;
  try {
    if (isElsewhere(context, standings)) throw new Superseded('CANCELLED');
    await tellMissed(context, request, standings);
    for (const { place, status } of standings) {
      await followIn(context, request, place, status, askedAtMs);
      if (!context.waiting.has(request)) return;
    }
    if (request.offer !== null && request.accepted) await settleOffer(context, request);
    if (standings.every(({ status }) => hasLapsed(status))) {
      await startOver(context, request);
      return;
    }
    // A store that lost something, or somebody who took the request back elsewhere: then not all queues are left at once.
    if (standings.some(({ status }) => status.kind === 'unknown')) {
      if (!(await stillOurs(context, request))) throw new Refusal('CANCELLED');
    }
    await rejoin(context, request, standings);
    tell(context, request, standings);
  } catch (error) {
    // The store is away: the next look finds everything as it is then.
    if (toRefusal(error).code === 'UNAVAILABLE') return;
    if (!(error instanceof Superseded)) await withdrawEverywhere(context, request);
    request.giveUp(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A missed offer counts in every queue: whoever took it back may not have reached them all. */
async function tellMissed(
  context: BrokerContext,
  request: WaitingRequest,
  standings: readonly Standing[],
): Promise<void> {
  const waiting = standings.flatMap(({ place, status }) =>
    status.kind === 'waiting' ? [{ place, missed: status.missed }] : [],
  );
  request.missed ||= waiting.some(({ missed }) => missed);
  if (!request.missed) return;
  const unaware = waiting.filter(({ missed }) => !missed);
  await Promise.all(unaware.map(({ place }) => context.store.noteMissed(place, [request.sessionId])));
}

async function followIn(
  context: BrokerContext,
  request: WaitingRequest,
  place: Place,
  status: PlacementStatus,
  askedAtMs: number,
): Promise<void> {
  const { offer } = request;
  if (offer !== null && placeName(offer.place) === placeName(place) && offer.heardAtMs < askedAtMs) {
    // The offer ran out, or went with its host: it is in the queue again.
    const gone = status.kind !== 'session' || status.session.state !== 'offered';
    if (gone && !request.accepting) request.offer = null;
  }
  if (status.kind === 'waiting') request.arrivedAtMs ??= status.arrivedAtMs;
  if (status.kind !== 'session') return;
  const { session } = status;
  if (session.state === 'offered') {
    takeOffer(context, request, place, session);
  } else if (session.state === 'ended') {
    // Declined offers and older epochs leave records, too, which say nothing about this request.
    if (session.hostId === '' && session.reason === 'reservation_expired') throw new Refusal('TIMED_OUT');
  } else if (session.state !== 'reserved' && session.epoch < request.claimEpoch) {
    // It was thought lost, and its host has let the player in all the same.
    await settleWith(context, request, place, await withOwner(context, request, place, session));
  } else if (session.epoch >= request.claimEpoch && !request.accepting) {
    // Accepted, and the answer was lost; or on another broker.
    if (session.clientBrokerId !== context.brokerId) await bringHere(context, request, place);
    await settleWith(context, request, place, session);
  }
}

/** It is a session by now: it leaves all queues. */
async function settleWith(
  context: BrokerContext,
  request: WaitingRequest,
  place: Place,
  session: SessionRecord,
): Promise<void> {
  const placed = await placedFrom(context, place, session, context.limits.reservationMs);
  request.places.delete(placeName(place));
  await withdrawEverywhere(context, request);
  request.settle({ ...placed, arrivedAtMs: request.arrivedAtMs });
}

/** Gives a session that was adopted from its host's report back whose it is. */
async function withOwner(
  context: BrokerContext,
  { client, message, candidates }: WaitingRequest,
  place: Place,
  session: SessionRecord,
): Promise<SessionRecord> {
  const meta = matchMeta(context, client, message, candidates, place);
  if (session.meta !== null || meta === undefined) return session;
  const { sessionId, epoch } = session;
  const owned = { sessionId, epoch, clientBrokerId: context.brokerId, meta };
  const [restored] = await context.store.restore(place, [owned]);
  return restored ?? session;
}

/** Another connection of the player, on another broker, goes on with the request. */
class Superseded extends Refusal {}

function isElsewhere({ brokerId }: BrokerContext, standings: readonly Standing[]): boolean {
  const holders = standings.flatMap(({ status }) => {
    if (status.kind === 'waiting') return [status.clientBrokerId];
    const offered = status.kind === 'session' && status.session.state === 'offered';
    return offered ? [status.session.clientBrokerId] : [];
  });
  return holders.length > 0 && holders.every((holder) => holder !== '' && holder !== brokerId);
}

/** Two connections had the offer, and the other one took it: the session is the later one's. */
async function bringHere(
  context: BrokerContext,
  { client, message, sessionId, claimEpoch }: WaitingRequest,
  place: Place,
): Promise<void> {
  const claim = await findClaim(context, client.playerId, message.requestId);
  const isLater = claim?.sessionId === sessionId && claim.epoch === claimEpoch;
  if (!isLater) throw new Superseded('CANCELLED');
  await context.store.attach(place, sessionId, context.brokerId);
}

/** Nobody attended to it for too long, though its client is here: this broker was cut off, or stood still. */
function hasLapsed(status: PlacementStatus): boolean {
  if (status.kind !== 'session') return false;
  const { state, hostId, reason } = status.session;
  return state === 'ended' && hostId === '' && reason === 'reconnect_expired';
}

/** A request that lost its place waits as a new one. */
async function startOver(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const [place] = request.places.values();
  if (place === undefined) return;
  const epoch = await context.store.reclaim(claimOf(request, place), request.claimEpoch);
  if (epoch === null) throw new Superseded('CANCELLED');
  request.claimEpoch = epoch;
  request.arrivedAtMs = null;
  request.missed = false;
  request.places.clear();
  await joinQueues(context, request, acceptablePlaces(openCandidates(context, request), null));
  await tellPosition(context, request);
}

/** Whether the request is still this connection's: it may have been cancelled or taken over on another broker. */
async function stillOurs(context: BrokerContext, request: WaitingRequest): Promise<boolean> {
  const { sessionId, claimEpoch } = request;
  const [place] = request.places.values();
  if (place === undefined) return false;
  const [claim] = await context.store.claim([claimOf(request, place)]);
  // A store that lost everything takes the claim anew, at epoch 1.
  if (claim?.kind === 'new') request.claimEpoch = 1;
  return (
    claim?.kind === 'new' || (claim?.record.sessionId === sessionId && claim.record.epoch === claimEpoch)
  );
}

/** Into the queues that lost the request, and those of regions that its latency policy accepts by now. */
async function rejoin(
  context: BrokerContext,
  request: WaitingRequest,
  standings: readonly Standing[],
): Promise<void> {
  for (const { place, status } of standings) {
    if (status.kind === 'unknown') request.places.delete(placeName(place));
  }
  const lost = standings.filter(({ status }) => status.kind === 'unknown').map(({ place }) => place);
  const open = openCandidates(context, request);
  const names = new Set(open.map(({ place }) => placeName(place)));
  const back = lost.filter((place) => names.has(placeName(place)));
  await joinQueues(context, request, [...back, ...acceptablePlaces(open, request.arrivedAtMs)]);
  // Its queues were closed: it is told so rather than left waiting for nothing. One whose offer is being taken has left
  // them by itself.
  const waitsForNothing = request.places.size === 0 && request.offer === null && !request.accepting;
  if (waitsForNothing && context.waiting.has(request)) throw nowhereToWait(context, request);
}

function tell(context: BrokerContext, request: WaitingRequest, standings: readonly Standing[]): void {
  if (request.offer !== null || !context.waiting.has(request)) return;
  const queued = soonest(request, standings);
  if (queued === undefined || isSame(queued, request.told)) return;
  const nowMs = performance.now();
  if (nowMs - request.toldAtMs < context.intervals.positionMs) return;
  request.told = queued;
  request.toldAtMs = nowMs;
  request.client.channel.send(queued);
}

/** Where the request is likely to be served first. */
function soonest(request: WaitingRequest, standings: readonly Standing[]): Queued | undefined {
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

function isSame(a: Queued, b: Queued | undefined): boolean {
  return (
    a.position === b?.position &&
    a.region === b.region &&
    a.etaMs?.low === b.etaMs?.low &&
    a.etaMs?.high === b.etaMs?.high
  );
}
