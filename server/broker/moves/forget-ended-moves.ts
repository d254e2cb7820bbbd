import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
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
  const move = activeMoves.outgoing.get(sessionId);
  if (move === undefined) return;
  const { registration, regionPool: movesFrom } = move.host;
  const isItsHost = registration.hostId === hostId && isSameRegionPool(movesFrom, regionPool);
  if (isItsHost) activeMoves.applyToSource(move, { type: 'session_left' });
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
  activeMoves.finishTarget(sessionId, epoch);
  dispatchToHost(host, sessionId, { type: 'ended', epoch, reason: reason ?? 'move_failed' });
}
