import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { isSameRegionPool } from '../../domain/catalog.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import type { RequestEntry } from '../../store/fleet-store.js';
import { findEarlierOutcome, notifyEnded } from '../requests/earlier-outcome.js';
import { REQUEST_GRACE_MS, findRequestRecord } from '../requests/request-record.js';
import {
  endConflictingSession,
  findConflict,
  resumeConflictingSession,
  type SessionConflict,
} from './session-conflict.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { BrokerSettings } from '../settings.js';
import { acceptableRegionPools } from '../queue/join-queues.js';
import { newSessionId } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal, jittered } from '../refusal.js';
import { resolveRepeatedPlay, type RepeatOutcome } from './repeat-play.js';
import { reassignSession } from './reassign-session.js';
import { tryCandidate } from './try-candidate.js';
import { waitForRecovery } from '../requests/wait-for-recovery.js';
import { waitInQueue } from '../queue/wait-in-queue.js';

/** When to ask again after `NO_CAPACITY`, on average: about as often as the fleet's picture changes. */
const NO_CAPACITY_RETRY_MS = 3_000;

/**
 * Finds a slot for a request: a fresh one, or the one it got when it was made before.
 *
 * @throws Refusal when there is none to be had
 */
export async function findSlot(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  message: Play,
): Promise<PlacedSession> {
  if (context.storeHealth.isRebuilding) await waitForRecovery(context, client, message);
  const ranking = rankCandidates(context.catalog, context.fleet, message, client.device);
  if (!ranking.ok) return answerWithoutCandidates(context, client, message, ranking.code);
  const { candidates } = ranking;
  const [best] = candidates;
  if (best === undefined) return answerWithoutCandidates(context, client, message, 'NO_REGION_IN_REACH');

  const sessionId = newSessionId();
  const claim = {
    playerId: client.playerId,
    requestId: message.requestId,
    sessionId,
    regionPool: best.regionPool,
  };
  // Claim and first attempt leave together: nearly every request is new, and one round trip is saved. The
  // attempt of a request that turns out to be a repeat is undone. Those who come back repeat what they asked for:
  // theirs are looked up first, or thousands of them would for a moment take slots that others want.
  const sentAt = performance.now();
  const recording = context.batches.recordRequest(claim);
  const attempt = client.resumed
    ? undefined
    : tryCandidate(context, client, message, candidates, 0, sessionId, 1);
  // Should it fail, that is met where it is waited for.
  attempt?.catch(() => undefined);
  const recorded = await recording.catch(async (error: unknown) => {
    await undoAttempt(context, attempt);
    throw error;
  });
  if (recorded.kind === 'repeat') {
    await undoAttempt(context, attempt);
    const { record } = recorded;
    const answer = await resolveRepeatedPlay(context, client, message, candidates, claim, record);
    return applyRepeatOutcome(context, client, message, candidates, record.sessionId, answer);
  }
  client.resumed = false;
  const other = await findConflict(context, client, recorded.previous, message.onConflict === 'takeover');
  if (other !== undefined && message.onConflict !== 'takeover') {
    await undoAttempt(context, attempt);
    await context.store.deleteRequest(client.playerId, message.requestId);
    if (message.onConflict !== 'resume') throw sessionExists(other);
    const answer = await resumeConflictingSession(context, client, message, other);
    return applyRepeatOutcome(context, client, message, candidates, other.sessionId, answer);
  }
  if (other !== undefined) await endConflictingSession(context, client, other, claim);
  const placed = await attempt;
  if (performance.now() - sentAt > REQUEST_GRACE_MS) await verifyRequestOwner(context, claim, attempt);
  if (placed !== undefined) return placed;
  // What ended here may have been what the first place was full of.
  const from = attempt === undefined || other !== undefined ? 0 : 1;
  return tryCandidates(context, client, message, candidates, from, sessionId, 1);
}

/** Goes on with what a request became that was made before. */
async function applyRepeatOutcome(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  sessionId: string,
  answer: RepeatOutcome,
): Promise<PlacedSession> {
  switch (answer.kind) {
    case 'placed':
      return answer.placed;
    case 'waiting': {
      const { turn } = answer;
      const { title = message.title } = turn;
      if (title === message.title) return waitInQueue(context, client, message, candidates, turn);
      // It goes on with what it waits for, whatever the new frame asks for.
      const asked = { ...message, title };
      const ranking = rankCandidates(context.catalog, context.fleet, asked, client.device);
      if (!ranking.ok) throw new Refusal(ranking.code);
      return waitInQueue(context, client, asked, ranking.candidates, turn);
    }
    case 'lost': {
      const { place, session } = answer;
      const again = await reassignSession(context, client, message, place, session);
      if (again?.kind === 'placed') return again.placed;
      notifyEnded(client, session);
      throw new Refusal('SESSION_OVER');
    }
    case 'retry':
      return tryCandidates(context, client, message, candidates, 0, sessionId, answer.epoch);
  }
}

/** Nothing could serve it today; but if it was made before, its session may live. */
async function answerWithoutCandidates(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  message: Play,
  code: ErrorCode,
): Promise<PlacedSession> {
  const record = await findRequestRecord(context, client.playerId, message.requestId);
  const earlier = record === undefined ? undefined : await findEarlierOutcome(context, client, record, false);
  if (earlier?.kind !== 'placed') throw new Refusal(code);
  return earlier.placed;
}

/** Whoever was away for so long (a stopped process, a stalled link) may have lost the request to another broker. */
async function verifyRequestOwner(
  context: StoreAccess,
  claim: RequestEntry,
  attempt: Promise<PlacedSession | undefined> | undefined,
): Promise<void> {
  const [now] = await context.store.recordRequests([claim]);
  if (now?.kind === 'repeat' && now.record.sessionId === claim.sessionId && now.record.epoch === 1) return;
  await undoAttempt(context, attempt);
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(NO_CAPACITY_RETRY_MS) });
}

/** Gives back a slot that was reserved for a request that already has its answer, if one was. */
async function undoAttempt(
  context: StoreAccess,
  attempt: Promise<PlacedSession | undefined> | undefined,
): Promise<void> {
  const placed = await attempt?.catch(() => undefined);
  if (placed === undefined) return;
  const { place, sessionId, epoch } = placed;
  await context.batches.release(place, { sessionId, epoch, reason: 'superseded' }).catch(() => {
    // The reservation runs out by itself.
  });
}

/** Tries the candidates from one on; waits for its turn when all that the policy accepts at once are full. */
async function tryCandidates(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  from: number,
  sessionId: string,
  epoch: number,
): Promise<PlacedSession> {
  // Whoever does not wait takes the first free slot of any policy step.
  const mayWait = message.wait !== false;
  const acceptable = mayWait ? acceptableRegionPools(candidates, null).length : candidates.length;
  for (let index = from; index < acceptable; index += 1) {
    const placed = await tryCandidate(context, client, message, candidates, index, sessionId, epoch);
    if (placed === undefined) continue;
    await recordSpill(context, client, message, placed, candidates[0]);
    return placed;
  }
  if (mayWait) {
    const turn = { sessionId, epoch, arrivedAtMs: null, places: [] };
    return waitInQueue(context, client, message, candidates, turn);
  }
  await context.store.deleteRequest(client.playerId, message.requestId);
  throw new Refusal('NO_CAPACITY', {
    message: `Every suitable host is full (${candidates.length} places were tried).`,
    retryAfterMs: jittered(NO_CAPACITY_RETRY_MS),
  });
}

/** A request that was placed elsewhere than noted is found there when its player asks for another session. */
async function recordSpill(
  context: StoreAccess,
  { playerId }: ClientConnection,
  { requestId }: Play,
  { place, sessionId }: PlacedSession,
  noted: Candidate | undefined,
): Promise<void> {
  if (noted !== undefined && isSameRegionPool(noted.regionPool, place)) return;
  await context.store.setRequestPool({ playerId, requestId, sessionId, regionPool: place });
}

/** The session is named if it is one by now. */
function sessionExists({ sessionId, isWaiting: waits }: SessionConflict): Refusal {
  return new Refusal('SESSION_EXISTS', waits ? {} : { sessionId });
}
