import { targetReservationIdOf } from '../../domain/target-reservation.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { ActiveMovesPort, OutgoingMove } from './active-moves.js';
import { removeFromSource, resumeOnSource } from './source-host/end-outgoing-move.js';

/**
 * Ends moves whose coordinator died. A session that its source host has paused is resumed there, or ended there if the
 * target host has admitted its client.
 */
export async function finishOverdueMoves(
  context: Runtime & StoreAccess & Connections & ActiveMovesPort,
): Promise<void> {
  const { outgoing, incoming } = context.activeMoves;
  const nowMs = context.clock.monotonicMs();
  for (const [sessionId, { expiresAtMs }] of incoming) if (nowMs > expiresAtMs) incoming.delete(sessionId);
  const overdue = [...outgoing.values()].filter(({ expiresAtMs }) => nowMs > expiresAtMs);
  await Promise.all(overdue.map((move) => finishOverdueMove(context, move)));
}

async function finishOverdueMove(
  context: StoreAccess & Connections & ActiveMovesPort,
  move: OutgoingMove,
): Promise<void> {
  const { host, sessionId, epoch, to, toEpoch, isPaused } = move;
  const [reservation, session] = await context.store.getSessions(to, [
    targetReservationIdOf(sessionId),
    sessionId,
  ]);
  // The target host may still admit the client. The target reservation expires by the store's clock, so a later run ends the move.
  if (reservation?.state === 'arriving' && reservation.epoch === toEpoch) return;
  if (context.activeMoves.outgoing.get(sessionId) !== move) return;
  const { hostId } = host.registration;
  const source = { hostId, sessionId, epoch };
  if (session?.epoch === toEpoch && session.state !== 'ended') {
    removeFromSource(context, host.regionPool, { type: 'moved_away', ...source });
  } else if (isPaused) {
    resumeOnSource(context, host.regionPool, { type: 'resume', ...source, toEpoch });
  } else {
    context.activeMoves.outgoing.delete(sessionId);
  }
}
