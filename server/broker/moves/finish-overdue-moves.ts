import { targetReservationIdOf } from '../../domain/target-reservation.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { ActiveMovesPort } from './active-moves.js';
import { removeFromSource, resumeOnSource } from './source-host-moves.js';
import type { OutgoingMove } from './active-moves.js';

/**
 * Finds the moves whose carrier died: a session that its host holds still for one that nobody carries out any more goes
 * on, or has gone where its client was let in.
 */
export async function finishOverdueMoves(
  context: StoreAccess & Connections & ActiveMovesPort,
): Promise<void> {
  const { outgoing, incoming } = context.activeMoves;
  const nowMs = performance.now();
  for (const [sessionId, { expiresAtMs: overByMs }] of incoming)
    if (nowMs > overByMs) incoming.delete(sessionId);
  const overdue = [...outgoing.values()].filter(({ expiresAtMs: overByMs }) => nowMs > overByMs);
  await Promise.all(overdue.map((move) => finishOverdueMove(context, move)));
}

async function finishOverdueMove(
  context: StoreAccess & Connections & ActiveMovesPort,
  move: OutgoingMove,
): Promise<void> {
  const { host, sessionId, epoch, to, toEpoch, isPaused: still } = move;
  const [arrival, session] = await context.store.getSessions(to, [
    targetReservationIdOf(sessionId),
    sessionId,
  ]);
  // Its time runs out by the store's clock.
  if (arrival?.state === 'arriving' && arrival.epoch === toEpoch) return;
  if (context.activeMoves.outgoing.get(sessionId) !== move) return;
  const { hostId } = host.registration;
  const word = { hostId, sessionId, epoch };
  if (session?.epoch === toEpoch && session.state !== 'ended') {
    removeFromSource(context, host.place, { type: 'moved_away', ...word });
  } else if (still) {
    resumeOnSource(context, host.place, { type: 'resume', ...word, toEpoch });
  } else {
    context.activeMoves.outgoing.delete(sessionId);
  }
}
