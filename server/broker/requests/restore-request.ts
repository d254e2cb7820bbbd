import type { RequestEntry } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Restores the record of a request in a store that may have lost its data, so that the repeated request finds its session
 * instead of starting a second one.
 *
 * @returns whether the store has the request at that epoch; false when another broker has continued the request, or another request
 *   of the player is live
 */
export async function restoreRequest(
  context: StoreAccess,
  request: RequestEntry,
  epoch: number,
): Promise<boolean> {
  const outcome = await context.batches.recordRequest(request);
  if (outcome.kind === 'live') return false;
  if (outcome.kind === 'repeat') {
    const { sessionId, state } = outcome.record;
    if (sessionId !== request.sessionId || state === 'replaced') return false;
  }
  const fromEpoch = outcome.kind === 'new' ? 1 : outcome.record.epoch;
  return (
    fromEpoch === epoch || (fromEpoch < epoch && context.store.commitEpoch(request, { epoch, fromEpoch }))
  );
}
