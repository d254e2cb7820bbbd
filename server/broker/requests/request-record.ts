import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import type { LiveRequest, RequestRecord } from '../../store/fleet-store.js';
import { Refusal } from '../refusal.js';
import type { StoreAccess } from '../store-access/ports.js';

/** How often `raiseRequestEpoch` tries again when other brokers raise the epoch of the same request. */
const MAX_START_TRIES = 5;

/**
 * Raises a request's epoch, so that no other broker can continue the request.
 *
 * @returns the new epoch, above every epoch that the request has had so far; its present one when no broker can continue it anyway,
 *   because another request of the player has replaced it
 * @throws Refusal UNAVAILABLE when other brokers keep raising the epoch
 */
export async function raiseRequestEpoch(
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
    // No broker can continue a request that the store has forgotten while another request of the player is live.
    if (record === null) return fromEpoch + 1;
    if (record.state === 'replaced' || record.epoch === fromEpoch) return record.epoch;
    // Another broker raised the epoch just now, for example to accept an offer.
    fromEpoch = record.epoch;
  }
  throw new Refusal('UNAVAILABLE', { retryAboutMs: 1_000 });
}

/** The answer to a request that another request of the player replaced before it had a session. */
export function replacedRefusal(): Refusal {
  return new Refusal('CANCELLED', { message: 'Another request of the player took over.' });
}

/** A request that the store remembers, in the form that the machine of play requests uses. */
export function rememberedRequest(
  requestId: string,
  { sessionId, epoch, regionPool, ageMs, state }: RequestRecord,
): RememberedRequest {
  return { requestId, sessionId, epoch, regionPool, ageMs, state };
}

/** The live request of a player, in the form that the machine of play requests uses. */
export function rememberedLive({ requestId, ...record }: LiveRequest): RememberedRequest {
  return { requestId, ...record, state: 'live' };
}
