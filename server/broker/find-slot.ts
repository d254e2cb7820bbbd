import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { v7 as uuidv7 } from 'uuid';
import type { Place } from '../domain/catalog.js';
import { explainPlacement } from '../domain/placement-reason.js';
import { rankCandidates, type Candidate } from '../domain/ranking.js';
import { bestStream, type Stream } from '../domain/suitability.js';
import type { Claim, ReserveOutcome, SessionMeta } from '../store/fleet-store.js';
import { earlierAnswer, findClaim } from './claimed-request.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { encodeMatch } from './match-details.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';
import { CLAIM_GRACE_MS, answerRepeat } from './repeat-play.js';

/** When to ask again after `NO_CAPACITY`, on average: about as often as the fleet's picture changes. */
const NO_CAPACITY_RETRY_MS = 3_000;

/**
 * Finds a slot for a request: a fresh one, or the one it got when it was made before.
 *
 * @throws Refusal when there is none to be had
 */
export async function findSlot(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
): Promise<Placed> {
  const ranking = rankCandidates(context.catalog, context.fleet, { ...message, device: client.device });
  if (!ranking.ok) return withoutCandidates(context, client, message, ranking.code);
  const { candidates } = ranking;
  const [first] = candidates;
  if (first === undefined) return withoutCandidates(context, client, message, 'NO_REGION_IN_REACH');

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
  if (claimed.value.kind === 'repeat') {
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

/** Nothing could serve it today; but if it was made before, its session may live. */
async function withoutCandidates(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  code: ErrorCode,
): Promise<Placed> {
  const record = await findClaim(context, client.playerId, message.requestId);
  const earlier = record === undefined ? undefined : await earlierAnswer(context, client, record);
  if (earlier === undefined) throw new Refusal(code);
  return earlier;
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
    tier: client.tier,
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

function streamFor(context: BrokerContext, client: ClientConnection, place: Place): Stream {
  const pool = context.catalog.pools.get(place.pool);
  const stream = pool === undefined ? undefined : bestStream(pool, client.device);
  if (stream === undefined) throw new Refusal('NO_SUITABLE_POOL');
  return stream;
}
