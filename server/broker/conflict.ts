import type { ClaimRecord, PreviousClaim } from '../store/fleet-store.js';
import { placedFrom } from './claimed-request.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import { findTurn } from './find-turn.js';
import { Refusal, jittered } from './refusal.js';
import { CLAIM_GRACE_MS, type RepeatAnswer } from './repeat-play.js';

/** The player's other session or waiting request, if there is one: a player has one at a time. */
export type Conflict = PreviousClaim;

/**
 * Looks whether the request that the player made before this one still lives. Older ones do not: each gave way to
 * the next.
 */
export async function findConflict(
  context: BrokerContext,
  previous: PreviousClaim | undefined,
): Promise<Conflict | undefined> {
  if (previous === undefined) return undefined;
  const { placements } = await context.batches.queueStatus(previous.place, previous.sessionId);
  const [status] = placements;
  switch (status?.kind) {
    case 'waiting':
      return previous;
    case 'session':
      return status.session.state === 'ended' ? undefined : previous;
    case 'unknown':
    case undefined:
      // Another broker may be about to answer it.
      return previous.ageMs < CLAIM_GRACE_MS ? previous : undefined;
  }
}

/**
 * Goes on with the other session, or waits on with the other request, on this connection.
 *
 * @throws Refusal UNAVAILABLE when it is just being answered elsewhere
 */
export async function resumeOther(
  context: BrokerContext,
  client: ClientConnection,
  other: Conflict,
): Promise<RepeatAnswer> {
  const turn = await findTurn(context, other);
  if (turn !== undefined) return { kind: 'waiting', turn };
  const session = await context.store.attach(other.place, other.sessionId, context.brokerId);
  if (session === null || session.state === 'ended' || session.meta?.playerId !== client.playerId) {
    throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  }
  const placed = await placedFrom(context, other.place, session, context.limits.reservationMs);
  return { kind: 'placed', placed };
}

/** Ends the other session, or takes the other request out of its queues: this request takes over. */
export async function endOther(
  context: BrokerContext,
  { playerId }: ClientConnection,
  other: Conflict,
): Promise<void> {
  const { requestId, sessionId, place } = other;
  // Whoever holds it elsewhere finds the claim raised, and does not queue it again.
  const claim: Omit<ClaimRecord, 'epoch' | 'ageMs'> = { sessionId, place };
  const epoch = (await context.store.reclaim({ playerId, requestId, ...claim }, other.epoch)) ?? other.epoch;
  const places = context.fleet.places;
  const ended = await Promise.all(
    places.map((where) => context.batches.withdraw(where, { sessionId, belowEpoch: epoch })),
  );
  places.forEach((where, i) => announceEnded(context, where, ended[i] ?? []));
}
