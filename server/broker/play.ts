import type { Play } from '@duskline/protocol';
import { answerMatched } from './answer-matched.js';
import type { ClientConnection, PendingRequest } from './connections.js';
import type { BrokerContext } from './context.js';
import { endOwnSession } from './end-session.js';
import { findSlot } from './find-slot.js';
import { Refusal, errorMessage, toRefusal } from './refusal.js';
import { Abandoned } from './waiting-room.js';

/**
 * Answers `play`: exactly one `matched` or `error` per request, unless its connection is lost before. Resolves when
 * it was sent, or when the request begins to wait for its turn: then nothing is under way here.
 */
export async function play(context: BrokerContext, client: ClientConnection, message: Play): Promise<void> {
  const { requestId } = message;
  // The answer to the first frame is on its way; it answers the repeated one too.
  if (client.pending.has(requestId)) return;
  await new Promise<void>((resolve) => {
    const pending: PendingRequest = {
      cancelled: false,
      waited: false,
      waits() {
        pending.waited = true;
        resolve();
      },
    };
    client.pending.set(requestId, pending);
    void answer(context, client, message, pending).finally(resolve);
  });
}

async function answer(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  pending: PendingRequest,
): Promise<void> {
  const { requestId } = message;
  const startedAt = performance.now();
  try {
    if (client.returning) await context.arrivals.begin();
    const placed = await findSlot(context, client, message);
    const matched = await answerMatched(context, client, message, placed, async () => {
      if (!pending.cancelled) return;
      await endOwnSession(context, client, placed.sessionId);
      throw new Refusal('CANCELLED');
    });
    context.observer.matched(placed.place, matched.rank, performance.now() - startedAt, pending.waited);
  } catch (error) {
    if (error instanceof Abandoned) return;
    const refusal = pending.cancelled ? new Refusal('CANCELLED') : toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, requestId }, 'play failed');
    context.observer.refused(refusal.code);
    client.channel.send(errorMessage(refusal, { requestId, sessionId: refusal.sessionId }));
  } finally {
    client.pending.delete(requestId);
  }
}
