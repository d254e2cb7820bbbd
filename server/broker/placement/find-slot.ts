import type { Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { rankCandidates } from '../../domain/ranking.js';
import { attachEarlierSession } from '../requests/attach-earlier-session.js';
import type { LiveRequest, RequestRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { BrokerSettings } from '../settings.js';
import { newSessionId } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { refuseReplaced } from '../requests/replaced-request.js';
import { waitUntilRebuilt } from '../requests/wait-until-rebuilt.js';
import { Refusal } from '../refusal.js';
import { continueRequest } from './continue-request.js';
import { startFirstAttempt, takeReservation, undoReservation, type FirstAttempt } from './first-attempt.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { resolveRepeatedPlay } from './repeat-play.js';
import { settleConflict, type ConflictOutcome } from './session-conflict.js';
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
    await undoReservation(context, first);
    return repeatRequest(context, first, recorded.record);
  }
  client.resumed = false;
  if (recorded.kind === 'live') {
    await undoReservation(context, first);
    return findSlotDespite(context, first, recorded.live);
  }
  const placed = await takeReservation(context, first);
  if (placed !== undefined) return placed;
  return tryCandidates(context, attempt, first.reservation === undefined ? 0 : 1);
}

/** Finds a slot for a request whose player has another live request. `before` has recorded nothing, and reserved nothing any more. */
async function findSlotDespite(
  context: CorePorts & Connections & Requests,
  before: FirstAttempt,
  live: LiveRequest,
): Promise<PlacedSession> {
  // The store remembers that the session of a reservation which was undone has ended.
  const sessionId = newSessionId();
  const attempt = { ...before.attempt, sessionId };
  const first = { attempt, entry: { ...before.entry, sessionId } };
  const { client, message } = attempt;
  const settle = (): Promise<ConflictOutcome> => settleConflict(context, first, live);
  const isTakeover = message.onConflict === 'takeover';
  const settled = await (isTakeover ? context.takeovers.run(client.playerId, settle) : settle());
  switch (settled.kind) {
    case 'recorded':
      return tryCandidates(context, attempt, 0);
    case 'resumed':
      return continueRequest(context, { ...attempt, sessionId: settled.sessionId }, settled.outcome);
    case 'repeat':
      return repeatRequest(context, first, settled.record);
  }
}

async function repeatRequest(
  context: CorePorts & Connections & Requests,
  { attempt, entry }: Pick<FirstAttempt, 'attempt' | 'entry'>,
  record: RequestRecord,
): Promise<PlacedSession> {
  const outcome = await resolveRepeatedPlay(context, attempt, entry, record);
  return continueRequest(context, { ...attempt, sessionId: record.sessionId }, outcome);
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
  if (record?.state === 'replaced') return refuseReplaced(context, client, record);
  const earlier = record === null ? undefined : await attachEarlierSession(context, client, record, false);
  if (earlier?.kind !== 'placed') throw new Refusal(code);
  return earlier.placed;
}
