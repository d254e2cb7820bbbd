import { delay } from '../../runtime/delay.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { LocateResult } from '../../domain/play-request/events.js';
import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import { toRefusalCode } from '../../domain/play-request/refusal-codes.js';
import { rankCandidates } from '../../domain/ranking.js';
import type { SessionMeta } from '../../store/fleet-store.js';
import { isHeld, isReversible } from '../../domain/session-state.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { findQueuePosition, type FoundPosition } from '../queue/find-queue-position.js';
import { Refusal } from '../refusal.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { Requests } from '../requests/ports.js';
import {
  attachEarlierSession,
  locateSession,
  notifyEnded,
  type EarlierOutcome,
} from '../requests/attach-earlier-session.js';
import { rememberedRequest } from '../requests/request-record.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { renewLiveRequests } from './renew-live-requests.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Time between two reads of the store while another broker answers the request. */
export const POLL_INTERVAL_MS = 50;

/** Used while the store is rebuilt: the record may be lost, and many clients repeat their requests at once. */
const REBUILD_POLL_INTERVAL_MS = 250;

type Located = LocateResult<PlacedSession>;

/**
 * Finds out what became of a request that was made before, perhaps on another broker. Reads the store until it has the session, or
 * until `requestGraceMs` after the request was recorded; reads only once if the request is over, or if its attempt on this broker failed.
 *
 * @param known what the store remembers of the request, if that has been read; `null` to read it
 */
export async function locateRequest(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Requests,
  request: ActiveRequest,
  known: RememberedRequest | null,
): Promise<Located> {
  const { client, message } = request;
  let record = known ?? (await readRecord(context, request));
  const hasFailed = record !== null && context.failedAttempts.get(record.sessionId) !== undefined;
  try {
    for (;;) {
      // The attempt on the other broker has failed, and the client may use the id again.
      if (record === null) return { kind: 'nothing' };
      if (record.state === 'replaced') return await locateReplaced(context, request, record);
      const found = await locateOnce(context, request, record);
      if (found !== undefined) return found;
      const { phase } = request.state;
      if (phase.name === 'leaving' && record.state === 'live') request.owner = 'elsewhere';
      const isWanted = phase.name === 'locating' && known !== null;
      if (!isWanted) return { kind: 'nothing' };
      // It was cancelled, or its session has ended and its record was deleted.
      if (record.state === 'over') return { kind: 'over', code: 'SESSION_OVER' };
      const isLate = hasFailed || record.ageMs >= context.intervals.requestGraceMs;
      // While the store is rebuilt, a host or another broker may still restore the session.
      if (isLate && !context.storeHealth.isRebuilding) {
        context.failedAttempts.forget(record.sessionId);
        // No region pool has the session. After the reservation time this means that the session has ended.
        return record.ageMs > context.limits.reservationMs && !hasFailed
          ? { kind: 'over', code: 'SESSION_OVER' }
          : { kind: 'nothing' };
      }
      await delay(context.clock, isLate ? REBUILD_POLL_INTERVAL_MS : POLL_INTERVAL_MS);
      const latest = await readRecord(context, request);
      // A store that has lost its data does not say that the request is over.
      if (latest !== null || !context.storeHealth.isRebuilding) record = latest;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    context.log.debug(
      { requestId: message.requestId, playerId: client.playerId },
      'an earlier request is over',
    );
    return { kind: 'over', code: toRefusalCode(error.code) };
  }
}

async function readRecord(
  context: StoreAccess,
  { client, message: { requestId } }: ActiveRequest,
): Promise<RememberedRequest | null> {
  const record = await context.batches.findRequest({ playerId: client.playerId, requestId });
  return record === null ? null : rememberedRequest(requestId, record);
}

/** A request that was replaced never gets its session back: the player chose the other device. */
async function locateReplaced(
  context: StoreAccess,
  request: ActiveRequest,
  record: RememberedRequest,
): Promise<Located> {
  request.owner = 'replaced';
  const session = (await locateSession(context, record))?.session;
  if (session === undefined || session.hostId === '' || session.state === 'offered')
    return { kind: 'replaced' };
  // Taking a request's place raises its epoch, and ends its session. A session that was resumed goes on.
  if (session.state !== 'ended' && session.epoch >= record.epoch) {
    request.knownSessionId = session.sessionId;
    return { kind: 'replaced' };
  }
  notifyEnded(request.client, session.state === 'ended' ? session : { ...session, reason: 'superseded' });
  return { kind: 'over', code: 'SESSION_OVER' };
}

async function locateOnce(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  request: ActiveRequest,
  record: RememberedRequest,
): Promise<Located | undefined> {
  const { client, message, state } = request;
  const { candidates } = state.terms;
  const replaceLost = message.onHostLost !== 'end';
  const metaIn = (regionPool: RegionPool): SessionMeta | undefined =>
    createSessionMeta(context, client, message, candidates, regionPool);
  if (record.state === 'over') await renewReturned(context, client, record);
  const earlier = await attachEarlierSession(context, client, record, replaceLost, metaIn);
  if (earlier !== undefined && earlier.kind !== 'replacing') return toLocated(context, request, earlier);
  const position = await findQueuePosition(context, record);
  if (position !== undefined) return continueWaiting(context, request, position);
  // The broker that was placing the session again did not finish within `requestGraceMs`.
  const isAbandoned = earlier !== undefined && record.ageMs >= context.intervals.requestGraceMs;
  return isAbandoned ? placeLostAgain(context, request, earlier, record.epoch) : undefined;
}

/**
 * Makes a request that is over live again if the host has brought its session back.
 *
 * @throws Refusal SESSION_OVER when another request of the player is live, so that the session ends
 */
async function renewReturned(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  client: ClientConnection,
  record: RememberedRequest,
): Promise<void> {
  const found = await locateSession(context, record);
  if (found === undefined || !isHeld(found.session.state)) return;
  const { playerId } = client;
  const { sessionId, epoch } = found.session;
  const ended = await renewLiveRequests(context, found.regionPool, [{ playerId, sessionId, epoch }]);
  if (!ended.has(sessionId)) return;
  notifyEnded(client, { sessionId, epoch, reason: 'superseded' });
  throw new Refusal('SESSION_OVER');
}

/** The request keeps waiting for its first title, whatever the repeated frame names. */
export function continueWaiting(
  context: BrokerSettings & StoreAccess,
  request: ActiveRequest,
  { title = request.message.title, ...position }: FoundPosition,
): Extract<Located, { kind: 'waiting' }> {
  if (title === request.message.title) return { kind: 'waiting', position };
  request.message = { ...request.message, title };
  const ranking = rankCandidates(context.catalog, context.fleet, request.message, request.client.device);
  if (!ranking.ok) throw new Refusal(ranking.code);
  return { kind: 'waiting', position: { ...position, candidates: ranking.candidates } };
}

function toLocated(
  context: Connections,
  request: ActiveRequest,
  earlier: Exclude<EarlierOutcome, { readonly kind: 'replacing' }>,
): Located {
  switch (earlier.kind) {
    case 'placed':
      return earlier;
    case 'lost':
      return placeLostAgain(context, request, earlier, earlier.session.epoch);
    case 'ended':
      tellFoundEnd(context, request, earlier);
      return { kind: 'over', code: 'SESSION_OVER' };
    case 'lapsed':
      return { kind: 'nothing' };
  }
}

/** Tells the client how its session ended. If the host may bring the session back, the client is told that, too. */
function tellFoundEnd(
  { sessionRunner }: Connections,
  { client, message }: ActiveRequest,
  { regionPool, session }: LocatedSession,
): void {
  const { sessionId, epoch, hostId, seq, meta, reason } = session;
  if (meta !== null && reason !== null && isReversible(reason)) {
    const request = { ...message, title: meta.title };
    const place = { regionPool, hostId, epoch, reservedUntilMs: -Infinity };
    const assignment = { ...place, request, meta, seq, arrivedAtMs: null };
    if (sessionRunner.findEnd(client, sessionId, { assignment, reason })) return;
  }
  notifyEnded(client, session);
}

/** @param epoch that the request has now */
function placeLostAgain(
  context: Connections,
  request: ActiveRequest,
  located: LocatedSession,
  epoch: number,
): Located {
  const { regionPool, session } = located;
  request.knownSessionId = session.sessionId;
  // If the session cannot be placed again, its client has to know how it ended.
  request.answerer = {
    ...request.answerer,
    onRefused: () => {
      const lost = request.client.sessions.get(session.sessionId);
      // The host was lost while the client repeated the request: the session waits for the answer.
      if (lost?.state.phase.name === 'replacing')
        context.sessionRunner.dispatch(lost, { type: 'replacement_refused', reason: 'host_lost' });
      else tellFoundEnd(context, request, located);
      return true;
    },
  };
  return { kind: 'lost', regionPool, epoch };
}
