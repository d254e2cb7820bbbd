import type { RequestEntry } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Gives a request back to a store that may have lost it, so that repeating it finds what it became, and not a second
 * one.
 *
 * @returns whether the request is still at that epoch: else somebody went on with it elsewhere
 */
export async function restoreRequest(
  context: StoreAccess,
  claim: RequestEntry,
  epoch: number,
): Promise<boolean> {
  const outcome = await context.batches.recordRequest(claim);
  if (outcome.kind === 'repeat' && outcome.record.sessionId !== claim.sessionId) return false;
  const noted = outcome.kind === 'new' ? 1 : outcome.record.epoch;
  return noted === epoch || (noted < epoch && context.store.commitEpoch(claim, { epoch, fromEpoch: noted }));
}
