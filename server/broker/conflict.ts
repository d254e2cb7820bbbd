import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import type { Claim, PreviousClaim } from '../store/fleet-store.js';
import { CLAIM_GRACE_MS, claimWithin, placedFrom, raiseClaim } from './claimed-request.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import { findTurn } from './find-turn.js';
import { Refusal, jittered } from './refusal.js';
import { LOOK_AGAIN_MS, type RepeatAnswer } from './repeat-play.js';

/** The player's other session or waiting request, if there is one: a player has one at a time. */
export interface Conflict extends PreviousClaim {
  /** It is no session yet. */
  readonly waits: boolean;
}

/**
 * Looks whether the request that the player made before this one still lives. Older ones do not: each gave way to
 * the next.
 *
 * @param whatever whether one that another broker may just be answering counts at once: else its answer is waited for
 */
export async function findConflict(
  context: BrokerContext,
  client: ClientConnection,
  previous: PreviousClaim | undefined,
  whatever: boolean,
): Promise<Conflict | undefined> {
  if (previous === undefined || previous.sessionId === client.leftSessionId) return undefined;
  const giveUpAt = performance.now() + CLAIM_GRACE_MS - previous.ageMs;
  for (;;) {
    const { placements } = await context.batches.queueStatus(previous.place, previous.sessionId);
    const [status] = placements;
    if (status?.kind === 'waiting') return { ...previous, waits: true };
    if (status?.kind === 'session') {
      const { state } = status.session;
      return state === 'ended' ? undefined : { ...previous, waits: state === 'offered' };
    }
    if (performance.now() >= giveUpAt) return undefined;
    if (whatever) return { ...previous, waits: true };
    await delay(LOOK_AGAIN_MS);
  }
}

/**
 * Goes on with the other session, or waits on with the other request, on this connection and under the id of this
 * request.
 *
 * @throws Refusal UNAVAILABLE when it is just being answered elsewhere
 */
export async function resumeOther(
  context: BrokerContext,
  client: ClientConnection,
  { requestId }: Play,
  other: Conflict,
): Promise<RepeatAnswer> {
  const { playerId } = client;
  const turn = await findTurn(context, other);
  if (turn !== undefined) {
    // The connection before can accept no more: of two that go on with it, the later one does.
    const epoch = await raiseClaim(context, playerId, other.requestId, other);
    await inherit(context, client, requestId, other, epoch);
    return { kind: 'waiting', turn: { ...turn, epoch } };
  }
  const session = await context.store.attach(other.place, other.sessionId, context.brokerId);
  if (session === null || session.state === 'ended' || session.meta?.playerId !== playerId) {
    throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  }
  await inherit(context, client, requestId, other, session.epoch);
  const left = claimWithin(context.limits, session, other);
  return { kind: 'placed', placed: await placedFrom(context, other.place, session, left) };
}

/** From now on the other one's session is that of this request, and is found when this request is repeated. */
async function inherit(
  context: BrokerContext,
  { playerId }: ClientConnection,
  requestId: string,
  other: Conflict,
  epoch: number,
): Promise<void> {
  const { sessionId, place } = other;
  const claim = { playerId, requestId, sessionId, place };
  // Of an unknown request, taking it over from the epoch before notes that it has this one.
  await context.store.reclaim(claim, epoch - 1);
  // Attempts to move it are remembered: no epoch is given twice.
  const drawn = await context.store.drawEpoch({ ...claim, requestId: other.requestId }, 0);
  await context.store.drawEpoch(claim, drawn.epoch);
  await context.store.forgetClaim(playerId, other.requestId);
}

/** Ends the other session, or takes the other request out of its queues: the request of that claim takes over. */
export async function endOther(
  context: BrokerContext,
  { playerId }: ClientConnection,
  other: Conflict,
  claim: Claim,
): Promise<void> {
  const { requestId, sessionId } = other;
  // Whoever holds it elsewhere finds the claim raised, and does not queue it again.
  const epoch = await raiseClaim(context, playerId, requestId, other);
  // That made it the player's newest request, as which this one has to be found.
  await context.store.forgetClaim(playerId, claim.requestId);
  await context.store.reclaim(claim, 0);
  const places = context.fleet.places;
  const ended = await Promise.all(
    places.map((where) => context.batches.withdraw(where, { sessionId, belowEpoch: epoch })),
  );
  context.waiting.bySession(sessionId)?.giveUp(new Refusal('CANCELLED'));
  places.forEach((where, i) => announceEnded(context, where, ended[i] ?? []));
}
