import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { v7 as uuidv7 } from 'uuid';
import { placeName, type Place } from '../domain/catalog.js';
import { rankCandidates, type Candidate } from '../domain/ranking.js';
import type { Claim, ReserveOutcome, SessionMeta } from '../store/fleet-store.js';
import { earlierAnswer, findClaim } from './claimed-request.js';
import { endOther, findConflict, resumeOther } from './conflict.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { matchMeta } from './match-meta.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';
import { CLAIM_GRACE_MS, answerRepeat, type RepeatAnswer } from './repeat-play.js';
import { waitForTurn } from './wait-for-turn.js';

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
    const answer = await answerRepeat(context, client, { message, candidates }, claim, record);
    return follow(context, client, message, candidates, record.sessionId, answer);
  }
  const other = await findConflict(context, claimed.value.previous);
  if (other !== undefined && message.onConflict !== 'takeover') {
    await undoAttempt(context, attempt);
    await context.store.forgetClaim(client.playerId, message.requestId);
    if (message.onConflict !== 'resume') throw new Refusal('SESSION_EXISTS', { sessionId: other.sessionId });
    const answer = await resumeOther(context, client, other);
    return follow(context, client, message, candidates, other.sessionId, answer);
  }
  if (other !== undefined) await endOther(context, client, other);
  if (attempt.status === 'rejected') throw attempt.reason;
  if (performance.now() - sentAt > CLAIM_GRACE_MS) await checkStillOurs(context, claim, attempt);
  return attempt.value ?? tryInOrder(context, client, message, candidates, 1, sessionId, 1);
}

/** Goes on with what a request became that was made before. */
function follow(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  sessionId: string,
  answer: RepeatAnswer,
): Placed | Promise<Placed> {
  switch (answer.kind) {
    case 'placed':
      return answer.placed;
    case 'waiting':
      return waitForTurn(context, client, message, candidates, answer.turn);
    case 'retry':
      return tryInOrder(context, client, message, candidates, 0, sessionId, answer.epoch);
  }
}

/** Nothing could serve it today; but if it was made before, its session may live. */
async function withoutCandidates(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  code: ErrorCode,
): Promise<Placed> {
  const record = await findClaim(context, client.playerId, message.requestId);
  const asked = { message, candidates: [] };
  const earlier = record && (await earlierAnswer(context, client, record, asked, true));
  if (earlier === undefined || earlier === 'lost') throw new Refusal(code);
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

/** Tries the candidates from one on; waits for its turn when all that the policy accepts at once are full. */
async function tryInOrder(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  from: number,
  sessionId: string,
  epoch: number,
): Promise<Placed> {
  // Whoever does not wait takes the first free slot of any policy step.
  const patient = message.wait !== false;
  for (let index = from; index < candidates.length; index += 1) {
    if (patient && (candidates[index]?.acceptableAfterMs ?? 0) > 0) break;
    const placed = await tryCandidate(context, client, message, candidates, index, sessionId, epoch);
    if (placed === undefined) continue;
    await noteSpill(context, client, message, placed, candidates[0]);
    return placed;
  }
  if (patient) {
    const turn = { sessionId, epoch, arrivedAtMs: null, places: [] };
    return waitForTurn(context, client, message, candidates, turn);
  }
  await context.store.forgetClaim(client.playerId, message.requestId);
  throw new Refusal('NO_CAPACITY', {
    message: `Every suitable host is full (${candidates.length} places were tried).`,
    retryAfterMs: jittered(NO_CAPACITY_RETRY_MS),
  });
}

/** A request that was placed elsewhere than noted is found there when its player asks for another session. */
async function noteSpill(
  context: BrokerContext,
  { playerId }: ClientConnection,
  { requestId }: Play,
  { place, sessionId }: Placed,
  noted: Candidate | undefined,
): Promise<void> {
  if (noted !== undefined && placeName(noted.place) === placeName(place)) return;
  await context.store.moveClaim({ playerId, requestId, sessionId, place });
}

/** Reserves in one candidate; `undefined` when it is full. */
export async function tryCandidate(
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
  const { place } = candidate;
  const meta = matchMeta(context, client, message, candidates, place);
  if (meta === undefined) throw new Refusal('NO_SUITABLE_POOL');
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
