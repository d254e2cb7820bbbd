import type { Play } from '@duskline/protocol';
import { delay } from '../../runtime/delay.js';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import type { QueueEntryStatus, RequestKey, RequestRecord } from '../../store/fleet-store.js';
import { heldByClient } from '../connections/client-session-directory.js';
import type { ClientConnection } from '../connections/connections.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { Refusal } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import { HandoverOutdated, type HandoverKind } from '../requests/player-handovers.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import { rememberedLive, rememberedRequest } from '../requests/request-record.js';
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

type Result<Type extends RequestResult<PlacedSession>['type']> = Extract<
  RequestResult<PlacedSession>,
  { readonly type: Type }
>;
type ReplaceOutcome = Result<'replaced'>['outcome'];
type ResumeResult = Result<'resumed'>['result'];
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
  { regionPool, sessionId, epoch }: RememberedRequest,
): Promise<LiveStatus> {
  const { entries } = await context.batches.queueStatus(regionPool, sessionId);
  return liveStatusOf(entries[0], epoch);
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

function liveStatusOf(status: QueueEntryStatus | undefined, epoch: number): LiveStatus {
  if (status?.kind === 'waiting') return 'waiting';
  if (status?.kind !== 'session') return 'unanswered';
  const { state, reason } = status.session;
  // A broker has begun to place a session again whose host was lost.
  if (state === 'ended' && reason === 'host_lost' && status.session.epoch < epoch) return 'unanswered';
  if (state === 'ended') return 'ended';
  return state === 'offered' ? 'waiting' : 'session';
}

/**
 * Replaces the player's other request, and ends its session or queue positions. A takeover replaces whichever request is live when
 * its turn comes.
 *
 * @returns `live` when the other request is not over after all
 */
export async function replaceOther(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  { other, isOver }: Extract<RequestCall<PlacedSession>, { readonly type: 'replace' }>,
): Promise<ReplaceOutcome> {
  if (isOver) return replaceLive(context, runner, request, other);
  return takeTurn(context, request, 'takeover', async () =>
    // The request may have been cancelled or replaced while it waited for an earlier handover.
    request.state.phase.name === 'replacing' ? replaceLive(context, runner, request, null) : OUTDATED,
  );
}

const OUTDATED = { kind: 'outdated' } as const;

/** Runs a handover when no other one of the player runs; `outdated` when a newer one takes its turn. */
async function takeTurn<Outcome>(
  context: Requests,
  request: ActiveRequest,
  kind: HandoverKind,
  work: () => Promise<Outcome>,
): Promise<Outcome | typeof OUTDATED> {
  const { client, message } = request;
  try {
    return await context.handovers.run(client.playerId, message.requestId, kind, work);
  } catch (error) {
    if (!(error instanceof HandoverOutdated)) throw error;
    request.replacement = { byRequestId: error.byRequestId, isTakeover: error.byKind === 'takeover' };
    return OUTDATED;
  }
}

/**
 * Replaces a live request and ends what it has, if need be after an outage of the store: nobody else would end it, because its record
 * says that it was replaced. Each of the two is repeated by itself: once the player has cancelled the new request elsewhere, the store
 * no longer tells which one it has replaced.
 *
 * @param over the request that is over, if only that one is to be replaced
 */
async function replaceLive(
  context: BrokerSettings & StoreAccess & Events & Reporting & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  over: RememberedRequest | null,
): Promise<ReplaceOutcome> {
  const { client } = request;
  const regionPool = request.state.terms.candidates[0]?.regionPool ?? over?.regionPool;
  if (regionPool === undefined)
    throw new Error('A request that no region pool can serve replaces another one.');
  const entry = entryOf(request, regionPool);
  const outcome = await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () =>
    context.store.replaceLiveRequest(entry, over),
  );
  switch (outcome.kind) {
    case 'new':
      return { kind: 'done' };
    case 'live':
      return { kind: 'live', other: rememberedLive(outcome.live) };
    // Another connection of the client repeated the request, or this one was replaced already.
    case 'repeat':
      return OUTDATED;
    case 'replaced': {
      const { requestId, sessionId, epoch, regionPool: endedIn } = outcome.before;
      const before = context.activeRequests.findOfPlayer(client.playerId, requestId);
      if (before !== undefined) {
        before.replacement = { byRequestId: entry.requestId, isTakeover: true };
        runner.dispatch(before, { type: 'replaced_by_other' });
      }
      // The region pool of a session that has ended records that its host must not keep it.
      const regionPools = over === null ? context.fleet.regionPools : [endedIn];
      await context.repeatedCalls.run(client, MAX_WAITING_OF_CLIENT, () =>
        withdrawRequest(context, regionPools, { sessionId, belowEpoch: epoch }),
      );
      return { kind: 'done' };
    }
  }
}

/** Continues the session, or the wait, of the player's other request on this connection and under the id of this request. */
export function resumeOther(
  context: BrokerSettings & StoreAccess & Events & Reporting & Requests,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<ResumeResult> {
  return takeTurn(context, request, 'resume', () => resumeSession(context, request, other));
}

async function resumeSession(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<ResumeResult> {
  const { client, message } = request;
  const key = { playerId: client.playerId, requestId: message.requestId };
  for (let live = other; ;) {
    // The request was cancelled or replaced meanwhile.
    if (request.state.phase.name !== 'resuming') return OUTDATED;
    const position = await findQueuePosition(context, live);
    // A new attempt prevents the earlier connection from accepting an offer. If two requests resume it, the later one gets it.
    const outcome = await context.store.resumeLiveRequest(key, live, position !== undefined);
    switch (outcome.kind) {
      case 'none':
        return { kind: 'ended' };
      case 'live':
        if (outcome.live.sessionId !== other.sessionId)
          return { kind: 'live', other: rememberedLive(outcome.live) };
        // The request that waits has a newer attempt: another one resumed it, or accepted an offer.
        live = rememberedLive(outcome.live);
        continue;
      case 'repeat':
        return { kind: 'known', record: rememberedRequest(message.requestId, outcome.record) };
      case 'resumed':
    }
    const { record } = outcome;
    if (position !== undefined)
      return continueWaiting(context, request, { ...position, epoch: record.epoch });
    return placeResumed(context, client, message, record);
  }
}

/**
 * Matches a request to the session that it resumed. If the session has just ended or has another host soon, or if another request has
 * resumed it since, this one continues as a repeated one does.
 */
async function placeResumed(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  client: ClientConnection,
  { requestId, onHostLost }: Play,
  resumed: RequestRecord,
): Promise<ResumeResult> {
  const key = { playerId: client.playerId, requestId };
  const { record, located } = await takeSession(context, client, key, resumed, onHostLost === 'end');
  const known = { kind: 'known', record: rememberedRequest(key.requestId, record) } as const;
  if (located?.session.meta?.playerId !== client.playerId) return known;
  const { regionPool, session } = located;
  const leftMs = claimTimeLeftMs(context.limits, session, record);
  try {
    return { kind: 'placed', placed: await placedFromSession(context, regionPool, session, leftMs) };
  } catch (error) {
    if (error instanceof Refusal) return known;
    throw error;
  }
}

/** What `takeSession` found: the record of the request, and the session if this connection has it. */
interface TakenSession {
  readonly record: RequestRecord;
  readonly located?: LocatedSession;
}

/**
 * Gives a session to this connection, on the host that has it, unless it is over or another request has resumed it since. The record
 * decides between two requests, so it is read after the session, which is given only if nobody got it after that. This is repeated only
 * when somebody did.
 */
async function takeSession(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  client: ClientConnection,
  key: RequestKey,
  resumed: RequestRecord,
  endsWithHost: boolean,
): Promise<TakenSession> {
  const { store, batches, brokerId } = context;
  const { sessionId } = resumed;
  let { regionPool } = resumed;
  for (;;) {
    const [before] = await store.getSessions(regionPool, [sessionId]);
    const record = (await batches.findRequest(key)) ?? resumed;
    const isOver = before === null || before === undefined || before.state === 'ended';
    if (isOver || record.state !== 'live') return { record };
    const heldSeq = heldByClient(client, sessionId)?.assignment.seq ?? null;
    const owner = { clientBrokerId: brokerId, heldSeq, fromSeq: before.seq, endsWithHost };
    const session = await store.giveSession(regionPool, sessionId, owner);
    if (session === null) continue;
    if (session.state === 'ended') return { record };
    // After the session was given away: a move that begins now sends its client to the target host, which is this one.
    const located = await cancelMoves(context, { regionPool, session });
    if (located.session === session) return { record, located };
    ({ regionPool } = located);
  }
}
