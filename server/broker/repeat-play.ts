import { setTimeout as delay } from 'node:timers/promises';
import type { Claim, ClaimRecord } from '../store/fleet-store.js';
import { earlierAnswer, type AskedAgain } from './claimed-request.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { findTurn } from './find-turn.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';
import type { TurnWanted } from './wait-for-turn.js';

/** What a repeated request leads to: its session, its place in queues, or a new attempt under a higher epoch. */
export type RepeatAnswer =
  | { readonly kind: 'placed'; readonly placed: Placed }
  | { readonly kind: 'waiting'; readonly turn: TurnWanted }
  | { readonly kind: 'retry'; readonly epoch: number };

/**
 * A broker that noted a request has reserved its slot, or failed, or died, after so long: twice the time in
 * which the store must answer.
 */
export const CLAIM_GRACE_MS = 4_000;

/** Between two looks for the session of a request that another broker is just answering. */
const LOOK_AGAIN_MS = 50;

/**
 * Answers a request that was made before, perhaps to another broker: the session it became, wherever that
 * is; or, when the broker that took it died before it reserved anything, leave to try again.
 */
export async function answerRepeat(
  context: BrokerContext,
  client: ClientConnection,
  asked: AskedAgain,
  claim: Claim,
  record: ClaimRecord,
): Promise<RepeatAnswer> {
  const answer = await waitForAnswer(context, client, record, asked);
  if (answer === 'lost') return retry(context, claim, record.epoch);
  if (answer !== undefined) return answer;
  // Past its reservation time, a session that is nowhere has ended and been forgotten.
  if (record.ageMs > context.limits.reservationMs) throw new Refusal('SESSION_OVER');
  return retry(context, claim, record.epoch);
}

async function retry(context: BrokerContext, claim: Claim, fromEpoch: number): Promise<RepeatAnswer> {
  const epoch = await context.store.reclaim(claim, fromEpoch);
  if (epoch === null) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  return { kind: 'retry', epoch };
}

/** Looks for the session until it is there, or the broker that took the request has had its time. */
async function waitForAnswer(
  context: BrokerContext,
  client: ClientConnection,
  record: ClaimRecord,
  asked: AskedAgain,
): Promise<RepeatAnswer | 'lost' | undefined> {
  const replaceLost = asked.message.onHostLost !== 'end';
  const giveUpAt = performance.now() + CLAIM_GRACE_MS - record.ageMs;
  for (;;) {
    const placed = await earlierAnswer(context, client, record, asked, replaceLost);
    if (placed === 'lost') return placed;
    if (placed !== undefined) return { kind: 'placed', placed };
    const turn = await findTurn(context, record);
    if (turn !== undefined) return { kind: 'waiting', turn };
    if (performance.now() >= giveUpAt) return undefined;
    await delay(LOOK_AGAIN_MS);
  }
}
