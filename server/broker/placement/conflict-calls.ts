import { setTimeout as delay } from 'node:timers/promises';
import type { RequestCall } from '../../domain/play-request/effects.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import type { LiveRequest } from '../../store/fleet-store.js';
import type { CorePorts } from '../core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { Refusal } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { continueWaiting, POLL_INTERVAL_MS } from './locate-call.js';

type Result<Type extends RequestResult<PlacedSession>['type']> = Extract<
  RequestResult<PlacedSession>,
  { readonly type: Type }
>;

/**
 * Checks whether the player's other live request still lives: a broker may have died between the end of a session and its
 * record. A request that another broker is answering at this moment counts as waiting once its time is over, or at once when
 * this request takes its place anyway.
 */
export async function inspectOther(
  context: CorePorts,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<Result<'inspected'>['found']> {
  const isTakeover = request.message.onConflict === 'takeover';
  const giveUpAtMs = performance.now() + context.intervals.requestGraceMs;
  for (;;) {
    const { placements } = await context.batches.queueStatus(other.regionPool, other.sessionId);
    const [status] = placements;
    if (status?.kind === 'waiting') return 'waiting';
    if (status?.kind === 'session') {
      const { state } = status.session;
      if (state === 'ended') return 'ended';
      return state === 'offered' ? 'waiting' : 'session';
    }
    if (isTakeover) return 'waiting';
    if (performance.now() >= giveUpAtMs || request.state.phase.name !== 'inspecting') return 'ended';
    await delay(POLL_INTERVAL_MS);
  }
}

/** Takes the place of the player's other request, and ends what that one holds. */
export async function replaceOther(
  context: CorePorts & Requests,
  runner: RequestRunner,
  request: ActiveRequest,
  { other, isOver }: Extract<RequestCall<PlacedSession>, { readonly type: 'replace' }>,
): Promise<Result<'replaced'>['outcome']> {
  const { sessionId } = other;
  const [best] = request.state.terms.candidates;
  const entry = entryOf(request, best?.regionPool ?? other.regionPool);
  const outcome = await context.store.replaceLiveRequest(entry, other);
  if (outcome.kind === 'live') return { kind: 'live', other: outcome.live };
  if (outcome.kind !== 'replaced' || isOver) return { kind: 'done' };
  const waiting = context.activeRequests.findBySession(sessionId);
  if (waiting !== undefined) runner.dispatch(waiting, { type: 'replaced_by_other' });
  await Promise.all(
    context.fleet.regionPools.map(async (queue) => {
      const ended = await context.batches.withdrawPlacement(queue, { sessionId, belowEpoch: outcome.epoch });
      notifyAllOfEnd(context, queue, ended);
    }),
  );
  return { kind: 'done' };
}

/** Continues the session, or the wait, of the player's other request on this connection and under the id of this request. */
export async function resumeOther(
  context: CorePorts,
  request: ActiveRequest,
  other: RememberedRequest,
): Promise<Result<'resumed'>['result']> {
  const { client, message } = request;
  const { playerId } = client;
  const key = { playerId, requestId: message.requestId };
  const position = await findQueuePosition(context, other);
  // A new attempt keeps the earlier connection from accepting an offer. Of two that resume, the later one gets it.
  const outcome = await context.store.resumeLiveRequest(key, other, position !== undefined);
  if (outcome.kind !== 'resumed') return { kind: 'lost_race' };
  const { epoch, sessionId, regionPool } = outcome.record;
  if (position !== undefined) return continueWaiting(context, request, { ...position, epoch });
  const session = await context.store.setClientBroker(regionPool, sessionId, context.brokerId);
  if (session === null || session.state === 'ended' || session.meta?.playerId !== playerId) {
    return { kind: 'lost_race' };
  }
  const live: LiveRequest = { ...outcome.record, requestId: message.requestId };
  const leftMs = claimTimeLeftMs(context.limits, session, live);
  try {
    return { kind: 'placed', placed: await placedFromSession(context, regionPool, session, leftMs) };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'lost_race' };
    throw error;
  }
}
