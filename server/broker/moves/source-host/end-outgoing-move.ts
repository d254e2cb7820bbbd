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
  const move = context.activeMoves.outgoing.get(sessionId);
  if (move?.epoch === epoch) {
    const isThisMove = move.toEpoch === toEpoch;
    const effects = context.activeMoves.applyToSource(move, { type: 'resume_ordered', isThisMove });
    if (effects.length === 0) return;
  }
  // Without a record of the move the host gets the order all the same: it ignores one that it does not need.
  sendResume(context, regionPool, { hostId, sessionId, epoch });
}

export function sendResume(
  { connections }: Connections,
  regionPool: RegionPool,
  {
    hostId,
    sessionId,
    epoch,
  }: Pick<Extract<ControlMessage, { type: 'resume' }>, 'hostId' | 'sessionId' | 'epoch'>,
): void {
  connections.findHost(regionPool, hostId)?.channel.send({ type: 'resume', sessionId, epoch });
}

/** On the source host's broker: the session is on the target host, and the source host ends it. */
export function removeFromSource(
  context: Connections & ActiveMovesPort,
  regionPool: RegionPool,
  { hostId, sessionId, epoch }: Extract<ControlMessage, { type: 'moved_away' }>,
): void {
  const move = context.activeMoves.outgoing.get(sessionId);
  if (move !== undefined && move.epoch <= epoch)
    context.activeMoves.applyToSource(move, { type: 'session_left' });
  const host = context.connections.findHost(regionPool, hostId);
  if (host !== undefined) dispatchToHost(host, sessionId, { type: 'moved_away', epoch });
}
