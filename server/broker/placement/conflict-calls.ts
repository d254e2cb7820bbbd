import { delay } from '../../runtime/delay.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import type { QueueEntryStatus } from '../../store/fleet-store.js';
import { heldByClient } from '../connections/client-session-directory.js';
import type { ClientConnection } from '../connections/connections.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { Refusal } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import { TakeoverOutdated } from '../requests/player-takeovers.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import { rememberedLive } from '../requests/request-record.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import type { StoreAccess } from '../store-access/ports.js';
import { MAX_WAITING_OF_CLIENT } from '../store-access/repeated-calls.js';
import { cancelMoves } from './cancel-moves.js';
import { continueWaiting, POLL_INTERVAL_MS } from './locate-call.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** How often a takeover tries to replace a live request that changes meanwhile: each time another broker was first. */
const MAX_TAKEOVER_TRIES = 8;

type Result<Type extends RequestResult<PlacedSession>['type']> = Extract<
  RequestResult<PlacedSession>,
  { readonly type: Type }
>;
type ReplaceOutcome = Result<'replaced'>['outcome'];
type LiveStatus = Result<'inspected'>['found'] | 'unanswered';

/**
 * Checks whether the player's other request is still live: a broker may have died after the end of its session, before it recorded
 * that. While another broker may still be reserving a slot for the other request, waits for the result.
 */
export async function inspectOther(
  context: BrokerSettings & Runtime & StoreAccess & Requests,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<Result<'inspected'>['found']> {
  const key = { playerId: request.client.playerId, requestId: other.requestId };
  const giveUpAtMs = context.clock.monotonicMs() + context.intervals.requestGraceMs - other.ageMs;
  for (;;) {
    const [status, record] = await Promise.all([
      readLiveStatus(context, other),
      context.batches.findRequest(key),
    ]);
    if (status !== 'unanswered') return status;
    // The other request was cancelled or refused meanwhile, or a third request replaced it, with which the next call deals.
    const isLive = record?.state === 'live' && record.sessionId === other.sessionId;
    const hasFailed = context.failedAttempts.get(other.sessionId) !== undefined;
    if (!isLive || request.state.phase.name !== 'inspecting') return 'ended';
    if (hasFailed || context.clock.monotonicMs() >= giveUpAtMs) return searchOther(context, other);
    await delay(context.clock, POLL_INTERVAL_MS);
  }
}

/** The status of a live request in its region pool; `unanswered` when the region pool has no record of it. */
async function readLiveStatus(
  context: StoreAccess,
  { regionPool, sessionId }: RememberedRequest,
): Promise<LiveStatus> {
  const { entries } = await context.batches.queueStatus(regionPool, sessionId);
  return liveStatusOf(entries[0]);
}

/** Searches a live request in all region pools: operators may have closed the one with which it was recorded, while it waits in another. */
async function searchOther(
  context: StoreAccess,
  other: RememberedRequest,
): Promise<Exclude<LiveStatus, 'unanswered'>> {
  const found = await Promise.all(
    context.fleet.regionPools.map((regionPool) => readLiveStatus(context, { ...other, regionPool })),
  );
  return found.find((status) => status === 'session' || status === 'waiting') ?? 'ended';
}

function liveStatusOf(status: QueueEntryStatus | undefined): LiveStatus {
  if (status?.kind === 'waiting') return 'waiting';
  if (status?.kind !== 'session') return 'unanswered';
  const { state } = status.session;
  if (state === 'ended') return 'ended';
  return state === 'offered' ? 'waiting' : 'session';
}

/**
 * Replaces the player's other request, and ends its session or queue positions. Takeovers of one player run one at a time. Of those
 * that wait only the newest is carried out, because each would end the one before it.
 */
export async function replaceOther(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  { other, isOver }: Extract<RequestCall<PlacedSession>, { readonly type: 'replace' }>,
): Promise<ReplaceOutcome> {
  if (isOver) return replaceLive(context, runner, request, other, true);
  try {
    const { client, message } = request;
    return await context.takeovers.run(client.playerId, message.requestId, () =>
      takeOver(context, runner, request, other),
    );
  } catch (error) {
    if (!(error instanceof TakeoverOutdated)) throw error;
    request.replacement = { byRequestId: error.byRequestId, isTakeover: true };
    return { kind: 'outdated' };
  }
}

async function takeOver(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<ReplaceOutcome> {
  let outcome: ReplaceOutcome = { kind: 'live', other };
  for (let tries = 0; tries < MAX_TAKEOVER_TRIES && outcome.kind === 'live'; tries += 1) {
    // The request was cancelled or replaced while it waited for an earlier takeover.
    if (request.state.phase.name !== 'replacing') return { kind: 'outdated' };
    const live = outcome.other;
    const isOver = (await readLiveStatus(context, live)) === 'ended';
    outcome = await replaceLive(context, runner, request, live, isOver);
  }
  return outcome;
}

/**
 * Replaces a live request and ends what it has, if need be after an outage of the store: nobody else would end it, because its record
 * says that it was replaced.
 */
function replaceLive(
  context: BrokerSettings & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  other: RememberedRequest,
  isOver: boolean,
): Promise<ReplaceOutcome> {
  return context.repeatedCalls.run(request.client, MAX_WAITING_OF_CLIENT, () =>
    replaceAndWithdraw(context, runner, request, other, isOver),
  );
}

async function replaceAndWithdraw(
  context: BrokerSettings & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  other: RememberedRequest,
  isOver: boolean,
): Promise<ReplaceOutcome> {
  const { playerId } = request.client;
  const [best] = request.state.terms.candidates;
  const entry = entryOf(request, best?.regionPool ?? other.regionPool);
  // The region pool of a session that has ended records that its host must not keep it.
  const regionPools = isOver ? [other.regionPool] : context.fleet.regionPools;
  const { sessionId: otherSessionId } = other;
  const outcome = await context.store.replaceLiveRequest(entry, other);
  switch (outcome.kind) {
    case 'new':
      return { kind: 'done' };
    case 'live':
      return { kind: 'live', other: rememberedLive(outcome.live) };
    case 'repeat': {
      const { state, sessionId } = outcome.record;
      // Another connection of the client repeated the request, or this one was replaced already.
      if (state !== 'live' || sessionId !== entry.sessionId) return { kind: 'outdated' };
      // An earlier call was carried out, and its answer lost.
      const record = await context.batches.findRequest({ playerId, requestId: other.requestId });
      if (record !== null)
        await withdrawRequest(context, regionPools, { sessionId: otherSessionId, belowEpoch: record.epoch });
      return { kind: 'done' };
    }
    case 'replaced': {
      const before = context.activeRequests.findOfPlayer(playerId, other.requestId);
      if (before !== undefined) {
        before.replacement = { byRequestId: entry.requestId, isTakeover: true };
        runner.dispatch(before, { type: 'replaced_by_other' });
      }
      await withdrawRequest(context, regionPools, { sessionId: otherSessionId, belowEpoch: outcome.epoch });
      return { kind: 'done' };
    }
  }
}

/** Continues the session, or the wait, of the player's other request on this connection and under the id of this request. */
export async function resumeOther(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<Result<'resumed'>['result']> {
  const { client, message } = request;
  const { playerId } = client;
  const key = { playerId, requestId: message.requestId };
  const position = await findQueuePosition(context, other);
  // A new attempt prevents the earlier connection from accepting an offer. If two requests resume it, the later one gets it.
  const outcome = await context.store.resumeLiveRequest(key, other, position !== undefined);
  switch (outcome.kind) {
    case 'none':
      return { kind: 'ended' };
    case 'live':
      return { kind: 'live', other: rememberedLive(outcome.live) };
    case 'repeat':
      return { kind: 'lost_race' };
    case 'resumed':
  }
  const { record } = outcome;
  if (position !== undefined) return continueWaiting(context, request, { ...position, epoch: record.epoch });
  const located = await takeSession(context, client, record);
  if (located?.session.meta?.playerId !== playerId) return { kind: 'lost_race' };
  const { regionPool, session } = located;
  const leftMs = claimTimeLeftMs(context.limits, session, record);
  try {
    return { kind: 'placed', placed: await placedFromSession(context, regionPool, session, leftMs) };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'lost_race' };
    throw error;
  }
}

/** Gives a session to this connection, on the host that has it; `undefined` if it is over. */
async function takeSession(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  client: ClientConnection,
  { regionPool, sessionId }: Pick<RememberedRequest, 'regionPool' | 'sessionId'>,
): Promise<LocatedSession | undefined> {
  const { store, brokerId } = context;
  const heldSeq = heldByClient(client, sessionId)?.assignment.seq ?? null;
  const session = await store.giveSession(regionPool, sessionId, brokerId, heldSeq);
  if (session === null || session.state === 'ended') return undefined;
  // After the session was given away: a move that begins now sends its client to the target host, which is this one.
  const located = await cancelMoves(context, { regionPool, session });
  if (located.session === session) return located;
  const moved = await store.giveSession(located.regionPool, sessionId, brokerId, null);
  return moved === null || moved.state === 'ended' ? undefined : { ...located, session: moved };
}
