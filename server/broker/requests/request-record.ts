import type { RequestRecord } from '../../store/fleet-store.js';
import { Refusal, jittered } from '../refusal.js';
import type { StoreAccess } from '../store-access/ports.js';

/** How often `takeOverRequest` tries again when other brokers raise the epoch of the same request. */
const MAX_START_TRIES = 5;

/**
 * Raises a request's epoch, so that no other broker can continue the request.
 *
 * @returns the new epoch, above every epoch that the request has had so far
 * @throws Refusal UNAVAILABLE when other brokers keep raising the epoch
 */
export async function takeOverRequest(
  context: StoreAccess,
  playerId: string,
  requestId: string,
  { sessionId, regionPool, epoch }: Omit<RequestRecord, 'ageMs'>,
): Promise<number> {
  let fromEpoch = epoch;
  for (let tries = 0; tries < MAX_START_TRIES; tries += 1) {
    const newEpoch = await context.store.startAttempt(
      { playerId, requestId, sessionId, regionPool },
      fromEpoch,
    );
    if (newEpoch !== null) return newEpoch;
    // Another broker raised the epoch just now, for example to accept an offer.
    fromEpoch = (await context.batches.findRequest({ playerId, requestId }))?.epoch ?? fromEpoch;
  }
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
}
