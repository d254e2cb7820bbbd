import type { RegionPool } from '../../domain/catalog.js';
import { hasAssignment } from '../../domain/host-session/host-session.js';
import { dispatchToHost } from '../messaging/notify-host.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { Connections } from '../connections/ports.js';
import type { ActiveMovesPort } from './active-moves.js';

/** Forgets the move of a session that has ended on its source host. */
export function forgetOutgoingMove(
  { activeMoves }: ActiveMovesPort,
  regionPool: RegionPool,
  { sessionId, state, reason, hostId }: SessionRecord,
): void {
  // A host that counts as lost may still be alive, and then it may still send its checkpoint.
  if (state !== 'ended' || reason === 'host_lost') return;
  const host = activeMoves.outgoing.get(sessionId)?.host;
  const isItsHost =
    host?.registration.hostId === hostId &&
    host.regionPool.region === regionPool.region &&
    host.regionPool.pool === regionPool.pool;
  if (isItsHost) activeMoves.outgoing.delete(sessionId);
}

/**
 * The slot on the target host is gone, because the move was cancelled or the host was lost: tells the coordinator of the
 * move, if it is this broker, and ends the restored session on the host.
 */
export function dropTargetReservation(
  { connections, activeMoves }: Connections & ActiveMovesPort,
  regionPool: RegionPool,
  sessionId: string,
  { epoch, hostId, state, reason }: SessionRecord,
): void {
  if (state !== 'ended') return;
  const move = activeMoves.coordinated.get(sessionId);
  if (move?.toEpoch === epoch)
    move.dispatch({ type: 'slot_lost', reason: `the slot is gone: ${reason ?? 'error'}` });
  const host = connections.findHost(regionPool, hostId);
  if (host === undefined || !hasAssignment(host.sessions.get(sessionId), epoch)) return;
  activeMoves.incoming.delete(sessionId);
  dispatchToHost(host, sessionId, { type: 'ended', epoch, reason: reason ?? 'move_failed' });
}
