import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { isSamePlace } from '../domain/catalog.js';
import { rankCandidates, type Candidate } from '../domain/ranking.js';
import type { Claim } from '../store/fleet-store.js';
import { CLAIM_GRACE_MS, earlierAnswer, findClaim, tellOver } from './claimed-request.js';
import { endOther, findConflict, resumeOther, type Conflict } from './conflict.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { acceptablePlaces } from './join-queues.js';
import { newSessionId } from './new-session-id.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';
import { answerRepeat, type RepeatAnswer } from './repeat-play.js';
import { placeAgain } from './place-again.js';
import { tryCandidate } from './try-candidate.js';
import { untilRebuilt } from './until-rebuilt.js';
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
  if (context.doubt.isRebuilding) await untilRebuilt(context, client, message);
  const ranking = rankCandidates(context.catalog, context.fleet, message, client.device);
  if (!ranking.ok) return withoutCandidates(context, client, message, ranking.code);
  const { candidates } = ranking;
  const [best] = candidates;
  if (best === undefined) return withoutCandidates(context, client, message, 'NO_REGION_IN_REACH');

  const sessionId = newSessionId();
  const claim = { playerId: client.playerId, requestId: message.requestId, sessionId, place: best.place };
  // Claim and first attempt leave together: nearly every request is new, and one round trip is saved. The
  // attempt of a request that turns out to be a repeat is undone. Those who come back repeat what they asked for:
  // theirs are looked up first, or thousands of them would for a moment take slots that others want.
  const sentAt = performance.now();
  const claiming = context.batches.claim(claim);
  const attempt = client.returning
    ? undefined
    : tryCandidate(context, client, message, candidates, 0, sessionId, 1);
  // Should it fail, that is met where it is waited for.
  attempt?.catch(() => undefined);
  const claimed = await claiming.catch(async (error: unknown) => {
    await undoAttempt(context, attempt);
    throw error;
  });
  if (claimed.kind === 'repeat') {
    await undoAttempt(context, attempt);
    const { record } = claimed;
    const answer = await answerRepeat(context, client, message, candidates, claim, record);
    return follow(context, client, message, candidates, record.sessionId, answer);
  }
  client.returning = false;
  const other = await findConflict(context, client, claimed.previous, message.onConflict === 'takeover');
  if (other !== undefined && message.onConflict !== 'takeover') {
    await undoAttempt(context, attempt);
    await context.store.forgetClaim(client.playerId, message.requestId);
    if (message.onConflict !== 'resume') throw sessionExists(other);
    const answer = await resumeOther(context, client, message, other);
    return follow(context, client, message, candidates, other.sessionId, answer);
  }
  if (other !== undefined) await endOther(context, client, other, claim);
  const placed = await attempt;
  if (performance.now() - sentAt > CLAIM_GRACE_MS) await checkStillOurs(context, claim, attempt);
  if (placed !== undefined) return placed;
  // What ended here may have been what the first place was full of.
  const from = attempt === undefined || other !== undefined ? 0 : 1;
  return tryInOrder(context, client, message, candidates, from, sessionId, 1);
}

/** Goes on with what a request became that was made before. */
async function follow(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  sessionId: string,
  answer: RepeatAnswer,
): Promise<Placed> {
  switch (answer.kind) {
    case 'placed':
      return answer.placed;
    case 'waiting': {
      const { turn } = answer;
      const { title = message.title } = turn;
      if (title === message.title) return waitForTurn(context, client, message, candidates, turn);
      // It goes on with what it waits for, whatever the new frame asks for.
      const asked = { ...message, title };
      const ranking = rankCandidates(context.catalog, context.fleet, asked, client.device);
      if (!ranking.ok) throw new Refusal(ranking.code);
      return waitForTurn(context, client, asked, ranking.candidates, turn);
    }
    case 'lost': {
      const { place, session } = answer;
      const again = await placeAgain(context, client, message, place, session);
      if (again?.kind === 'placed') return again.placed;
      tellOver(client, session);
      throw new Refusal('SESSION_OVER');
    }
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
  const earlier = record === undefined ? undefined : await earlierAnswer(context, client, record, false);
  if (earlier?.kind !== 'placed') throw new Refusal(code);
  return earlier.placed;
}

/** Whoever was away for so long (a stopped process, a stalled link) may have lost the request to another broker. */
async function checkStillOurs(
  context: BrokerContext,
  claim: Claim,
  attempt: Promise<Placed | undefined> | undefined,
): Promise<void> {
  const [now] = await context.store.claim([claim]);
  if (now?.kind === 'repeat' && now.record.sessionId === claim.sessionId && now.record.epoch === 1) return;
  await undoAttempt(context, attempt);
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(NO_CAPACITY_RETRY_MS) });
}

/** Gives back a slot that was reserved for a request that already has its answer, if one was. */
async function undoAttempt(
  context: BrokerContext,
  attempt: Promise<Placed | undefined> | undefined,
): Promise<void> {
  const placed = await attempt?.catch(() => undefined);
  if (placed === undefined) return;
  const { place, sessionId, epoch } = placed;
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
  const acceptable = patient ? acceptablePlaces(candidates, null).length : candidates.length;
  for (let index = from; index < acceptable; index += 1) {
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
  if (noted !== undefined && isSamePlace(noted.place, place)) return;
  await context.store.moveClaim({ playerId, requestId, sessionId, place });
}

/** The session is named if it is one by now. */
function sessionExists({ sessionId, waits }: Conflict): Refusal {
  return new Refusal('SESSION_EXISTS', waits ? {} : { sessionId });
}
