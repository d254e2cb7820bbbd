import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { rankCandidates } from '../../domain/ranking.js';
import { attachEarlierSession } from '../requests/attach-earlier-session.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { BrokerSettings } from '../settings.js';
import { newSessionId } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { waitUntilRebuilt } from '../requests/wait-until-rebuilt.js';
import { Refusal } from '../refusal.js';
import { continueRequest } from './continue-request.js';
import { startFirstAttempt, undoReservation, refuseIfTakenOver, type FirstAttempt } from './first-attempt.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { resolveRepeatedPlay } from './repeat-play.js';
import {
  endConflictingSession,
  findConflict,
  resumeConflictingSession,
  type SessionConflict,
} from './session-conflict.js';
import { tryCandidates } from './try-candidates.js';

/**
 * Finds a slot for a request: a new one, or the one that the request received when it was made before.
 *
 * @throws Refusal when there is no slot, and the request does not wait for one
 */
export async function findSlot(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  message: Play,
): Promise<PlacedSession> {
  if (context.storeHealth.isRebuilding) await waitUntilRebuilt(context, client, message);
  const ranking = rankCandidates(context.catalog, context.fleet, message, client.device);
  if (!ranking.ok) return answerWithEarlierSession(context, client, message, ranking.code);
  const { candidates } = ranking;
  const [best] = candidates;
  if (best === undefined) return answerWithEarlierSession(context, client, message, 'NO_REGION_IN_REACH');

  const attempt: PlacementAttempt = { client, message, candidates, sessionId: newSessionId(), epoch: 1 };
  const first = startFirstAttempt(context, attempt, best);
  const recorded = await first.recorded;
  if (recorded.kind === 'repeat') {
    const { record } = recorded;
    await undoReservation(context, first);
    const outcome = await resolveRepeatedPlay(context, attempt, first.entry, record);
    return continueRequest(context, { ...attempt, sessionId: record.sessionId }, outcome);
  }
  client.resumed = false;
  const isTakeover = message.onConflict === 'takeover';
  const conflict = await findConflict(context, client, recorded.previous, isTakeover);
  if (conflict !== undefined) {
    if (!isTakeover) return resumeOrRefuse(context, first, conflict);
    await endConflictingSession(context, client, conflict, first.entry);
  }
  const placed = await first.reservation;
  await refuseIfTakenOver(context, first);
  if (placed !== undefined) return placed;
  // The session that was ended may have held the last slot of the best candidate, so that is tried again.
  const hasTriedBest = first.reservation !== undefined && conflict === undefined;
  return tryCandidates(context, attempt, hasTriedBest ? 1 : 0);
}

/** The player has another session, and does not end it: this request resumes that session, or is refused. */
async function resumeOrRefuse(
  context: CorePorts & Connections & Requests,
  first: FirstAttempt,
  conflict: SessionConflict,
): Promise<PlacedSession> {
  const { client, message } = first.attempt;
  const { sessionId, isWaiting } = conflict;
  await undoReservation(context, first);
  await context.store.deleteRequest(client.playerId, message.requestId);
  // A request that still waits has no session yet, so the refusal names none.
  if (message.onConflict !== 'resume') throw new Refusal('SESSION_EXISTS', isWaiting ? {} : { sessionId });
  const outcome = await resumeConflictingSession(context, client, message, conflict);
  return continueRequest(context, { ...first.attempt, sessionId }, outcome);
}

/**
 * Answers a request that no region pool can serve now. When it was made before, its session may still live.
 *
 * @param code why no region pool can serve it
 */
async function answerWithEarlierSession(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  message: Play,
  code: ErrorCode,
): Promise<PlacedSession> {
  const record = await context.batches.findRequest({
    playerId: client.playerId,
    requestId: message.requestId,
  });
  const earlier = record === null ? undefined : await attachEarlierSession(context, client, record, false);
  if (earlier?.kind !== 'placed') throw new Refusal(code);
  return earlier.placed;
}
