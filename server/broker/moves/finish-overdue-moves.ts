import { targetReservationIdOf } from '../../domain/target-reservation.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { ActiveMovesPort, OutgoingMove } from './active-moves.js';
import { removeFromSource, sendResume } from './source-host/end-outgoing-move.js';

/**
 * Ends moves whose coordinator died. A session that its source host has paused is resumed there, or ended there if the
 * target host has admitted its client.
 */
export async function finishOverdueMoves(
  context: Runtime & StoreAccess & Connections & ActiveMovesPort,
): Promise<void> {
  const { outgoing, incoming } = context.activeMoves;
  const nowMs = context.clock.monotonicMs();
  for (const move of [...incoming.values()])
    if (nowMs > move.expiresAtMs) context.activeMoves.applyToTarget(move, { type: 'finished' });
  const overdue = [...outgoing.values()].filter(({ expiresAtMs }) => nowMs > expiresAtMs);
  await Promise.all(overdue.map((move) => finishOverdueMove(context, move)));
}

async function finishOverdueMove(
  context: StoreAccess & Connections & ActiveMovesPort,
  move: OutgoingMove,
): Promise<void> {
  const { host, sessionId, epoch, to, toEpoch } = move;
  const [reservation, session] = await context.store.getSessions(to, [
    targetReservationIdOf(sessionId),
    sessionId,
  ]);
  const isArriving = reservation?.state === 'arriving' && reservation.epoch === toEpoch;
  const hasMoved = session?.epoch === toEpoch && session.state !== 'ended';
  const found = isArriving ? 'arriving' : hasMoved ? 'moved' : 'stayed';
  const { hostId } = host.registration;
  const source = { hostId, sessionId, epoch };
  for (const effect of context.activeMoves.applyToSource(move, { type: 'overdue', found })) {
    if (effect === 'send_moved_away')
      removeFromSource(context, host.regionPool, { type: 'moved_away', ...source });
    if (effect === 'send_resume') sendResume(context, host.regionPool, source);
  }
}
