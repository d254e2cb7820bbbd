import type { RequestRecord } from '../../store/fleet-store.js';
import { Refusal, jittered } from '../refusal.js';
import { newSessionId } from '../sessions/new-session-id.js';
import type { StoreAccess } from '../store-access/ports.js';

/** How often `takeOverRequest` tries again when other brokers raise the epoch of the same request. */
const MAX_START_TRIES = 5;

/** The store's record of a request that any broker recorded before; `undefined` when there is none. */
export async function findRequestRecord(
  context: StoreAccess,
  playerId: string,
  requestId: string,
): Promise<RequestRecord | undefined> {
  const [regionPool] = context.fleet.regionPools;
  if (regionPool === undefined) return undefined;
  // The store has no operation that only reads a record: this records the request, and deletes it when it was new.
  const [outcome] = await context.store.recordRequests([
    { playerId, requestId, sessionId: newSessionId(), regionPool },
  ]);
  if (outcome?.kind === 'repeat') return outcome.record;
  await context.store.deleteRequest(playerId, requestId);
  return undefined;
}

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
    fromEpoch = (await findRequestRecord(context, playerId, requestId))?.epoch ?? fromEpoch;
  }
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
}
