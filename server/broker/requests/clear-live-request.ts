import { REVERSIBLE_REASONS, type SessionRecord } from '../../store/fleet-store.js';
import type { Connections } from '../connections/ports.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Records that the player's live request is over when its session has ended, so that the next one need not check that. Called by the
 * client's broker before the client gets the end, so that its next request comes later.
 *
 * A session that ended for a reversible reason may be kept by its host, and one that was superseded goes on elsewhere: the next
 * request of the player finds out.
 */
export function clearLiveRequest(
  context: StoreAccess,
  playerId: string,
  { sessionId, epoch, reason }: Pick<SessionRecord, 'sessionId' | 'epoch' | 'reason'>,
): void {
  if (reason === null || reason === 'superseded' || REVERSIBLE_REASONS.includes(reason)) return;
  context.batches.clearLiveRequest({ playerId, sessionId, epoch }).catch(() => {
    // The store is unreachable. The player's next request finds that the session has ended.
  });
}

/** The same for a session whose client is disconnected. */
export function clearRequestOfDisconnected(context: StoreAccess & Connections, session: SessionRecord): void {
  if (session.state !== 'ended') return;
  const disconnected = context.disconnectedSessions.get(session.sessionId);
  if (disconnected !== undefined) clearLiveRequest(context, disconnected.playerId, session);
}
