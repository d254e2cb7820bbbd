import type { RememberedRequest } from '../../domain/play-request/play-request.js';
import type { LiveRequest, RequestRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The epoch of a request that a broker gives up. */
export interface RaisedEpoch {
  /** Above every epoch that the request has had so far; its present one if it was replaced. */
  readonly epoch: number;
  /** Another request of the player has its place: no broker can continue it, and its session may be that of the other one. */
  readonly isReplaced: boolean;
}

/** Raises a request's epoch, so that no other broker can continue the request. */
export async function raiseRequestEpoch(
  context: StoreAccess,
  playerId: string,
  requestId: string,
  { sessionId, regionPool, epoch }: Pick<RequestRecord, 'sessionId' | 'regionPool' | 'epoch'>,
): Promise<RaisedEpoch> {
  const entry = { playerId, requestId, sessionId, regionPool };
  const newEpoch = await context.store.startAttempt(entry, epoch, true);
  if (newEpoch !== null) return { epoch: newEpoch, isReplaced: false };
  const record = await context.batches.findRequest({ playerId, requestId });
  // No broker can continue a request that the store has forgotten while another request of the player is live.
  if (record === null) return { epoch: epoch + 1, isReplaced: false };
  return { epoch: record.epoch, isReplaced: record.state === 'replaced' };
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
