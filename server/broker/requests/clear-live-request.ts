import { isReversible } from '../../domain/session-state.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Records that the player's live request is over when its session has ended, so that the next request need not check that. The
 * client's broker does this before it sends the end to the client, whose next request therefore comes later.
 *
 * After a reversible reason the host may keep the session, and a superseded session continues on another host. Then the record
 * stays, and the player's next request checks the session.
 */
export function clearLiveRequest(
  context: StoreAccess,
  playerId: string,
  { sessionId, epoch, reason }: Pick<SessionRecord, 'sessionId' | 'epoch' | 'reason'>,
): void {
  if (reason === null || reason === 'superseded' || isReversible(reason)) return;
  context.batches.clearLiveRequest({ playerId, sessionId, epoch });
}
