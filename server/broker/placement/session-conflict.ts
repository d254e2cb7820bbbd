import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import type { RequestEntry, PreviousRequestRecord } from '../../store/fleet-store.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import { REQUEST_GRACE_MS, startNewAttempt } from '../requests/request-record.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Requests } from '../requests/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { Refusal, jittered } from '../refusal.js';
import { POLL_INTERVAL_MS, type RepeatOutcome } from './repeat-play.js';

/** The player's other session or waiting request, if there is one: a player has one at a time. */
export interface SessionConflict extends PreviousRequestRecord {
  /** It is no session yet. */
  readonly isWaiting: boolean;
}

/**
 * Looks whether the request that the player made before this one still lives. Older ones do not: each gave way to
 * the next.
 *
 * @param countUndecided whether one that another broker may just be answering counts at once: else its answer is waited for
 */
export async function findConflict(
  context: StoreAccess,
  client: ClientConnection,
  previous: PreviousRequestRecord | undefined,
  countUndecided: boolean,
): Promise<SessionConflict | undefined> {
  if (previous === undefined || previous.sessionId === client.lastLeftSessionId) return undefined;
  const giveUpAt = performance.now() + REQUEST_GRACE_MS - previous.ageMs;
  for (;;) {
    const { placements } = await context.batches.queueStatus(previous.regionPool, previous.sessionId);
    const [status] = placements;
    if (status?.kind === 'waiting') return { ...previous, isWaiting: true };
    if (status?.kind === 'session') {
      const { state } = status.session;
      return state === 'ended' ? undefined : { ...previous, isWaiting: state === 'offered' };
    }
    if (performance.now() >= giveUpAt) return undefined;
    if (countUndecided) return { ...previous, isWaiting: true };
    await delay(POLL_INTERVAL_MS);
  }
}

/**
 * Goes on with the other session, or waits on with the other request, on this connection and under the id of this
 * request.
 *
 * @throws Refusal UNAVAILABLE when it is just being answered elsewhere
 */
export async function resumeConflictingSession(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  { requestId }: Play,
  other: SessionConflict,
): Promise<RepeatOutcome> {
  const { playerId } = client;
  const turn = await findQueuePosition(context, other);
  if (turn !== undefined) {
    // The connection before can accept no more: of two that go on with it, the later one does.
    const epoch = await startNewAttempt(context, playerId, other.requestId, other);
    await transferSession(context, client, requestId, other, epoch);
    return { kind: 'waiting', turn: { ...turn, epoch } };
  }
  const session = await context.store.setClientBroker(other.regionPool, other.sessionId, context.brokerId);
  if (session === null || session.state === 'ended' || session.meta?.playerId !== playerId) {
    throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  }
  await transferSession(context, client, requestId, other, session.epoch);
  const left = claimTimeLeftMs(context.limits, session, other);
  return { kind: 'placed', placed: await placedFromSession(context, other.regionPool, session, left) };
}

/** From now on the other one's session is that of this request, and is found when this request is repeated. */
async function transferSession(
  context: StoreAccess,
  { playerId }: ClientConnection,
  requestId: string,
  other: SessionConflict,
  epoch: number,
): Promise<void> {
  const { sessionId, regionPool: place } = other;
  const claim = { playerId, requestId, sessionId, regionPool: place };
  // Of an unknown request, taking it over from the epoch before notes that it has this one.
  await context.store.startAttempt(claim, epoch - 1);
  // Attempts to move it are remembered: no epoch is given twice.
  const drawn = await context.store.allocateEpoch({ ...claim, requestId: other.requestId }, 0);
  await context.store.allocateEpoch(claim, drawn.epoch);
  await context.store.deleteRequest(playerId, other.requestId);
}

/** Ends the other session, or takes the other request out of its queues: the request of that claim takes over. */
export async function endConflictingSession(
  context: CorePorts & Requests,
  { playerId }: ClientConnection,
  other: SessionConflict,
  claim: RequestEntry,
): Promise<void> {
  const { requestId, sessionId } = other;
  // Whoever holds it elsewhere finds the claim raised, and does not queue it again.
  const epoch = await startNewAttempt(context, playerId, requestId, other);
  // That made it the player's newest request, as which this one has to be found.
  await context.store.deleteRequest(playerId, claim.requestId);
  await context.store.startAttempt(claim, 0);
  const places = context.fleet.regionPools;
  const ended = await Promise.all(
    places.map((where) => context.batches.leaveQueue(where, { sessionId, belowEpoch: epoch })),
  );
  context.waitingRequests.findBySession(sessionId)?.reject(new Refusal('CANCELLED'));
  places.forEach((where, i) => notifyAllOfEnd(context, where, ended[i] ?? []));
}
