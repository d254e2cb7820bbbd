import type { Matched, Play } from '@duskline/protocol';
import { v7 as uuidv7 } from 'uuid';
import type { Place } from '../domain/catalog.js';
import { explainPlacement } from '../domain/placement-reason.js';
import { rankCandidates, type Candidate } from '../domain/ranking.js';
import { bestStream, type Stream } from '../domain/suitability.js';
import type {
  Claim,
  ClaimOutcome,
  ReserveOutcome,
  SessionMeta,
  SessionRecord,
} from '../store/fleet-store.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { brokerOf, deliver, tellHost } from './deliver.js';
import { endOwnSession } from './end-session.js';
import { decodeMatch, encodeMatch } from './match-details.js';
import { Refusal, errorMessage, jittered, toRefusal } from './refusal.js';
import { CLAIM_GRACE_MS, answerRepeat } from './repeat-play.js';

/** How long a ticket outlives the reservation: the clocks of broker and host may differ by this much. */
const TICKET_CLOCK_SKEW_MS = 30_000;

/** When to ask again after `NO_CAPACITY`, on average: about as often as the fleet's picture changes. */
const NO_CAPACITY_RETRY_MS = 3_000;

/** A session with a slot, wherever it came from: a fresh reservation, or an earlier one that was asked for again. */
export interface Placed {
  readonly place: Place;
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly hostConnectionId: string;
  readonly claimWithinMs: number;
  readonly meta: SessionMeta;
  /** How the session is by now, when the request was made before. */
  readonly earlier?: SessionRecord;
}

/** Answers `play`: exactly one `matched` or `error` per request that is not taken back. */
export async function play(context: BrokerContext, client: ClientConnection, message: Play): Promise<void> {
  const { requestId } = message;
  // The answer to the first frame is on its way; it answers the repeated one too.
  if (client.pending.has(requestId)) return;
  const pending = { cancelled: false };
  client.pending.set(requestId, pending);
  const startedAt = performance.now();
  try {
    const placed = await findSlot(context, client, message);
    const matched = await toMatched(context, client, placed);
    context.connections.linkSession(client, placed.sessionId, {
      place: placed.place,
      requestId,
      epoch: placed.epoch,
      state: 'reserved',
    });
    if (pending.cancelled) {
      await endOwnSession(context, client, placed.sessionId);
      throw new Refusal('CANCELLED');
    }
    if (placed.earlier === undefined) prepareHost(context, placed);
    context.observer.matched(placed.place, matched.rank, performance.now() - startedAt);
    client.channel.send(matched);
    if (placed.earlier !== undefined) deliver(context, placed.place, placed.earlier);
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, requestId }, 'play failed');
    context.observer.refused(refusal.code);
    client.channel.send(errorMessage(refusal, { requestId }));
  } finally {
    client.pending.delete(requestId);
  }
}

async function findSlot(context: BrokerContext, client: ClientConnection, message: Play): Promise<Placed> {
  const ranking = rankCandidates(context.catalog, context.fleet, { ...message, device: client.device });
  if (!ranking.ok) throw new Refusal(ranking.code);
  const { candidates } = ranking;
  const [first] = candidates;
  if (first === undefined) throw new Refusal('NO_REGION_IN_REACH');

  const sessionId = uuidv7();
  const claim = { playerId: client.playerId, requestId: message.requestId, sessionId, place: first.place };
  // Claim and first attempt leave together: nearly every request is new, and one round trip is saved. The
  // attempt of a request that turns out to be a repeat is undone.
  const sentAt = performance.now();
  const [claimed, attempt] = await Promise.allSettled([
    context.batches.claim(claim),
    tryCandidate(context, client, message, candidates, 0, sessionId, 1),
  ]);
  if (claimed.status === 'rejected') {
    await undoAttempt(context, attempt);
    throw claimed.reason;
  }
  if (isRepeat(claimed.value)) {
    await undoAttempt(context, attempt);
    const { record } = claimed.value;
    const answer = await answerRepeat(context, client, claim, record);
    if (answer.kind === 'placed') return answer.placed;
    return tryInOrder(context, client, message, candidates, 0, record.sessionId, answer.epoch);
  }
  if (attempt.status === 'rejected') throw attempt.reason;
  if (performance.now() - sentAt > CLAIM_GRACE_MS) await checkStillOurs(context, claim, attempt);
  return attempt.value ?? tryInOrder(context, client, message, candidates, 1, sessionId, 1);
}

/** Whoever was away for so long (a stopped process, a stalled link) may have lost the request to another broker. */
async function checkStillOurs(
  context: BrokerContext,
  claim: Claim,
  attempt: PromiseSettledResult<Placed | undefined>,
): Promise<void> {
  const [now] = await context.store.claim([claim]);
  if (now?.kind === 'repeat' && now.record.sessionId === claim.sessionId && now.record.epoch === 1) return;
  await undoAttempt(context, attempt);
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(NO_CAPACITY_RETRY_MS) });
}

function isRepeat(claimed: ClaimOutcome): claimed is Extract<ClaimOutcome, { kind: 'repeat' }> {
  return claimed.kind === 'repeat';
}

/** Gives back a slot that was reserved for a request that already has its answer. */
async function undoAttempt(
  context: BrokerContext,
  attempt: PromiseSettledResult<Placed | undefined>,
): Promise<void> {
  if (attempt.status === 'rejected' || attempt.value === undefined) return;
  const { place, sessionId, epoch } = attempt.value;
  await context.batches.release(place, { sessionId, epoch, reason: 'superseded' }).catch(() => {
    // The reservation runs out by itself.
  });
}

/** Tries the candidates from one on. A placement that cannot wait takes the first free slot of any policy step. */
async function tryInOrder(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  from: number,
  sessionId: string,
  epoch: number,
): Promise<Placed> {
  for (let index = from; index < candidates.length; index += 1) {
    const placed = await tryCandidate(context, client, message, candidates, index, sessionId, epoch);
    if (placed !== undefined) return placed;
  }
  await context.store.forgetClaim(client.playerId, message.requestId);
  throw new Refusal('NO_CAPACITY', {
    message: `Every suitable host is full (${candidates.length} places were tried).`,
    retryAfterMs: jittered(NO_CAPACITY_RETRY_MS),
  });
}

/** Reserves in one candidate; `undefined` when it is full. */
async function tryCandidate(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  index: number,
  sessionId: string,
  epoch: number,
): Promise<Placed | undefined> {
  const candidate = candidates[index];
  if (candidate === undefined) return undefined;
  const { place, rttMs } = candidate;
  const { playerId } = client;
  const { requestId, title } = message;
  const reason = explainPlacement(candidates, index);
  const match = encodeMatch({
    stream: streamFor(context, client, place),
    rank: index + 1,
    candidates: candidates.length,
    rttMs,
    reason,
  });
  const meta = { playerId, requestId, title, match };
  const outcome = await context.batches.reserve(place, {
    sessionId,
    epoch,
    clientBrokerId: context.brokerId,
    meta,
  });
  return toPlaced(context, place, sessionId, epoch, meta, outcome);
}

function toPlaced(
  context: BrokerContext,
  place: Place,
  sessionId: string,
  epoch: number,
  meta: SessionMeta,
  outcome: ReserveOutcome,
): Placed | undefined {
  switch (outcome.kind) {
    case 'full':
      return undefined;
    case 'over':
    case 'existing':
      // Session ids are made for one attempt, so somebody else holds this one only after it took the request over.
      throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(NO_CAPACITY_RETRY_MS) });
    case 'reserved': {
      const { hostId, hostConnectionId } = outcome;
      const claimWithinMs = context.limits.reservationMs;
      return { place, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta };
    }
  }
}

/** Tells the host to expect the session: directly, or through the broker it is connected to. */
function prepareHost(context: BrokerContext, placed: Placed): void {
  const { place, sessionId, epoch, hostId, hostConnectionId, meta } = placed;
  const brokerId = brokerOf(hostConnectionId);
  if (brokerId !== context.brokerId) {
    context.store.nudge(brokerId, place);
    return;
  }
  const host = context.connections.host(place, hostId);
  if (host === undefined) return;
  tellHost(context, host, {
    sessionId,
    epoch,
    state: 'reserved',
    reason: null,
    hostId,
    reservedAtMs: 0,
    clientBrokerId: context.brokerId,
    meta,
  });
}

function streamFor(context: BrokerContext, client: ClientConnection, place: Place): Stream {
  const pool = context.catalog.pools.get(place.pool);
  const stream = pool === undefined ? undefined : bestStream(pool, client.device);
  if (stream === undefined) throw new Refusal('NO_SUITABLE_POOL');
  return stream;
}

async function toMatched(context: BrokerContext, client: ClientConnection, placed: Placed): Promise<Matched> {
  const { place, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta } = placed;
  const endpoint = await context.fleet.endpoint(place, hostId, hostConnectionId);
  if (endpoint === undefined) {
    throw new Refusal('UNAVAILABLE', { message: 'The chosen host left.', retryAfterMs: jittered(1_000) });
  }
  const { playerId } = client;
  const { title, requestId } = meta;
  const ttlMs = context.limits.reservationMs + TICKET_CLOCK_SKEW_MS;
  const ticket = context.tickets.sign({
    ...place,
    hostId,
    sessionId,
    epoch,
    playerId,
    title,
    ttlMs,
    nowMs: Date.now(),
  });
  const details = decodeMatch(meta.match);
  return {
    type: 'matched',
    requestId,
    sessionId,
    epoch,
    title,
    region: place.region,
    pool: place.pool,
    host: { hostId, endpoint },
    ticket,
    claimWithinMs,
    ...details,
  };
}
