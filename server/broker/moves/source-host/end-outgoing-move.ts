import type { RegionPool } from '../../../domain/catalog.js';
import type { Connections } from '../../connections/ports.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { dispatchToHost } from '../../messaging/notify-host.js';
import type { ActiveMovesPort } from '../active-moves.js';

/**
 * On the source host's broker: the move was cancelled, and the host resumes the session. Ignored if the host has paused the
 * session for another move since.
 */
export function resumeOnSource(
  context: Connections & ActiveMovesPort,
  regionPool: RegionPool,
  { hostId, sessionId, epoch, toEpoch }: Extract<ControlMessage, { type: 'resume' }>,
): void {
  const { connections, activeMoves: moves } = context;
  const outgoing = moves.outgoing.get(sessionId);
  if (outgoing?.epoch === epoch) {
    if (outgoing.toEpoch !== toEpoch) return;
    moves.outgoing.delete(sessionId);
  }
  connections.findHost(regionPool, hostId)?.channel.send({ type: 'resume', sessionId, epoch });
}

/** On the source host's broker: the session is on the target host, and the source host ends it. */
export function removeFromSource(
  context: Connections & ActiveMovesPort,
  regionPool: RegionPool,
  { hostId, sessionId, epoch }: Extract<ControlMessage, { type: 'moved_away' }>,
): void {
  context.activeMoves.outgoing.delete(sessionId);
  const host = context.connections.findHost(regionPool, hostId);
  if (host !== undefined) dispatchToHost(host, sessionId, { type: 'moved_away', epoch });
}
