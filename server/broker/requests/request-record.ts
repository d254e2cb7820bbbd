import type { RequestKey, RequestRecord } from '../../store/fleet-store.js';
import { Refusal, jittered } from '../refusal.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Within this time after recording a request, a broker has reserved its slot, failed or died: twice the time in which the
 * store must answer.
 */
export const REQUEST_GRACE_MS = 4_000;

/** How often `takeOverRequest` tries again when other brokers raise the epoch of the same request. */
const MAX_START_TRIES = 5;

/** Mean retry time of a client whose request continues on another broker, or whose record the store has lost. */
const TAKEN_OVER_RETRY_MS = 3_000;

/**
 * Raises a request's epoch, so that no other broker can continue the request.
 *
 * @returns the new epoch, above every epoch that the request has had so far; its present one when no broker can continue it anyway,
 *   because another request of the player has taken its place
 * @throws Refusal UNAVAILABLE when other brokers keep raising the epoch
 */
export async function takeOverRequest(
  context: StoreAccess,
  playerId: string,
  requestId: string,
  { sessionId, regionPool, epoch }: Pick<RequestRecord, 'sessionId' | 'regionPool' | 'epoch'>,
): Promise<number> {
  let fromEpoch = epoch;
  for (let tries = 0; tries < MAX_START_TRIES; tries += 1) {
    const newEpoch = await context.store.startAttempt(
      { playerId, requestId, sessionId, regionPool },
      fromEpoch,
    );
    if (newEpoch !== null) return newEpoch;
    const record = await context.batches.findRequest({ playerId, requestId });
    if (record?.state === 'replaced' || record?.epoch === fromEpoch) return record.epoch;
    // Another broker raised the epoch just now, for example to accept an offer.
    fromEpoch = record?.epoch ?? fromEpoch;
  }
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
}

/** An attempt of a request, as its broker knows it. */
export interface RequestAttempt extends RequestKey {
  readonly sessionId: string;
  readonly epoch: number;
}

/**
 * Checks that an attempt still is the one that may continue the player's live request. Called after a slot was reserved or a queue
 * entered for it: another request may have replaced it before, and withdrawn its session when there was none yet.
 *
 * @returns `undefined` when it is; otherwise the refusal to answer with
 */
export async function checkAttempt(
  context: StoreAccess,
  { playerId, requestId, sessionId, epoch }: RequestAttempt,
): Promise<Refusal | undefined> {
  const record = await context.batches.findRequest({ playerId, requestId });
  if (record?.sessionId === sessionId && record.epoch === epoch && record.state === 'live') return undefined;
  if (record?.state === 'replaced') return replacedRefusal();
  return new Refusal('UNAVAILABLE', { retryAfterMs: jittered(TAKEN_OVER_RETRY_MS) });
}

/** The answer to a request that another one of the player took the place of, before it had a session. */
export function replacedRefusal(): Refusal {
  return new Refusal('CANCELLED', { message: 'Another request of the player took over.' });
}
