import { arrivalIdOf } from '../../domain/arrival.js';
import type { BrokerContext } from '../context.js';
import { leave, resume } from './source-side.js';
import type { Outgoing } from './move-board.js';

/**
 * Finds the moves whose carrier died: a session that its host holds still for one that nobody carries out any more goes
 * on, or has gone where its client was let in.
 */
export async function watchMoves(context: BrokerContext): Promise<void> {
  const { outgoing, incoming } = context.moves;
  const nowMs = performance.now();
  for (const [sessionId, { overByMs }] of incoming) if (nowMs > overByMs) incoming.delete(sessionId);
  const overdue = [...outgoing.values()].filter(({ overByMs }) => nowMs > overByMs);
  await Promise.all(overdue.map((move) => settle(context, move)));
}

async function settle(context: BrokerContext, move: Outgoing): Promise<void> {
  const { host, sessionId, epoch, to, toEpoch, still } = move;
  const [arrival, session] = await context.store.getSessions(to, [arrivalIdOf(sessionId), sessionId]);
  // Its time runs out by the store's clock.
  if (arrival?.state === 'arriving' && arrival.epoch === toEpoch) return;
  if (context.moves.outgoing.get(sessionId) !== move) return;
  const { hostId } = host.registration;
  const word = { hostId, sessionId, epoch };
  if (session?.epoch === toEpoch && session.state !== 'ended') {
    leave(context, host.place, { type: 'left', ...word });
  } else if (still) {
    resume(context, host.place, { type: 'resume', ...word, toEpoch });
  } else {
    context.moves.outgoing.delete(sessionId);
  }
}
