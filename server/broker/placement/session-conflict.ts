import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import type { RequestEntry, PreviousRequestRecord } from '../../store/fleet-store.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import { REQUEST_GRACE_MS, takeOverRequest } from '../requests/request-record.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { Refusal, jittered } from '../refusal.js';
import { POLL_INTERVAL_MS, type RepeatOutcome } from './repeat-play.js';

/** The player's previous request, when it still waits or has a live session. A player has one of these at a time. */
export interface SessionConflict extends PreviousRequestRecord {
  /** The request has no session yet. */
  readonly isWaiting: boolean;
}

/**
 * Checks whether the player's previous request still lives. Requests before that do not: each was ended by the next.
 *
 * @param treatUnansweredAsConflict whether a request that another broker may be answering counts as a conflict at once; otherwise this
 *   waits for that answer
 */
export async function findConflict(
  context: StoreAccess,
  client: ClientConnection,
  previous: PreviousRequestRecord | undefined,
  treatUnansweredAsConflict: boolean,
): Promise<SessionConflict | undefined> {
  if (previous === undefined || previous.sessionId === client.lastLeftSessionId) return undefined;
  const giveUpAtMs = performance.now() + REQUEST_GRACE_MS - previous.ageMs;
  for (;;) {
    const { placements } = await context.batches.queueStatus(previous.regionPool, previous.sessionId);
    const [status] = placements;
    if (status?.kind === 'waiting') return { ...previous, isWaiting: true };
    if (status?.kind === 'session') {
      const { state } = status.session;
      return state === 'ended' ? undefined : { ...previous, isWaiting: state === 'offered' };
    }
    if (performance.now() >= giveUpAtMs) return undefined;
    if (treatUnansweredAsConflict) return { ...previous, isWaiting: true };
    await delay(POLL_INTERVAL_MS);
  }
}

/**
 * Continues the conflicting session, or the wait of the conflicting request, on this connection and under the id of this
 * request.
 *
 * @throws Refusal UNAVAILABLE when another broker is answering the conflicting request
 */
export async function resumeConflictingSession(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  { requestId }: Play,
  conflict: SessionConflict,
): Promise<RepeatOutcome> {
  const { playerId } = client;
  const position = await findQueuePosition(context, conflict);
  if (position !== undefined) {
    // The higher epoch keeps the earlier connection from accepting an offer. Of two that resume, the later one gets it.
    const epoch = await takeOverRequest(context, playerId, conflict.requestId, conflict);
    await transferSession(context, client, requestId, conflict, epoch);
    return { kind: 'waiting', position: { ...position, epoch } };
  }
  const session = await context.store.setClientBroker(
    conflict.regionPool,
    conflict.sessionId,
    context.brokerId,
  );
  if (session === null || session.state === 'ended' || session.meta?.playerId !== playerId) {
    throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  }
  await transferSession(context, client, requestId, conflict, session.epoch);
  const leftMs = claimTimeLeftMs(context.limits, session, conflict);
  return { kind: 'placed', placed: await placedFromSession(context, conflict.regionPool, session, leftMs) };
}

/** Records the conflicting session under the id of this request, where a repeat of this request finds it. */
async function transferSession(
  context: StoreAccess,
  { playerId }: ClientConnection,
  requestId: string,
  conflict: SessionConflict,
  epoch: number,
): Promise<void> {
  const { sessionId, regionPool } = conflict;
  const entry = { playerId, requestId, sessionId, regionPool };
  // The store does not know this request (any more), so an attempt from `epoch - 1` records it with `epoch`.
  await context.store.startAttempt(entry, epoch - 1);
  // Attempts to move the session have allocated epochs above `epoch`. None of those may be allocated twice.
  const allocated = await context.store.allocateEpoch({ ...entry, requestId: conflict.requestId }, 0);
  await context.store.allocateEpoch(entry, allocated.epoch);
  await context.store.deleteRequest(playerId, conflict.requestId);
}

/**
 * Ends the conflicting session, or takes the conflicting request out of its queues.
 *
 * @param entry the request that takes over
 */
export async function endConflictingSession(
  context: CorePorts & Requests,
  { playerId }: ClientConnection,
  conflict: SessionConflict,
  entry: RequestEntry,
): Promise<void> {
  const { requestId, sessionId } = conflict;
  // With a higher epoch in the store, a broker that still has the request cannot queue it again.
  const epoch = await takeOverRequest(context, playerId, requestId, conflict);
  // The new attempt made that one the player's newest request. Recording `entry` again makes it the newest.
  await context.store.deleteRequest(playerId, entry.requestId);
  await context.store.startAttempt(entry, 0);
  const regionPools = context.fleet.regionPools;
  const ended = await Promise.all(
    regionPools.map((queue) => context.batches.withdrawPlacement(queue, { sessionId, belowEpoch: epoch })),
  );
  context.waitingRequests.findBySession(sessionId)?.reject(new Refusal('CANCELLED'));
  regionPools.forEach((queue, i) => notifyAllOfEnd(context, queue, ended[i] ?? []));
}
