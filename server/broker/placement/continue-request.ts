import { rankCandidates } from '../../domain/ranking.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import { waitInQueue, type QueuePosition } from '../queue/wait-in-queue.js';
import { notifyEnded } from '../requests/attach-earlier-session.js';
import type { Requests } from '../requests/ports.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal } from '../refusal.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { reassignSession } from './reassign-session.js';
import type { RepeatOutcome } from './repeat-play.js';
import { tryCandidates } from './try-candidates.js';

/**
 * Goes on with a request that was made before, from what has become of it.
 *
 * @param attempt with the session id that the request was recorded with; its epoch is that of `outcome`
 * @throws Refusal SESSION_OVER, and those of `tryCandidates`
 */
export async function continueRequest(
  context: CorePorts & Connections & Requests,
  attempt: PlacementAttempt,
  outcome: RepeatOutcome,
): Promise<PlacedSession> {
  switch (outcome.kind) {
    case 'placed':
      return outcome.placed;
    case 'waiting':
      return continueWaiting(context, attempt, outcome.position);
    case 'lost': {
      const { client, message } = attempt;
      const { regionPool, session } = outcome;
      const reassigned = await reassignSession(context, client, message, regionPool, session);
      if (reassigned?.kind === 'placed') return reassigned.placed;
      notifyEnded(client, session);
      throw new Refusal('SESSION_OVER');
    }
    case 'retry':
      return tryCandidates(context, { ...attempt, epoch: outcome.epoch }, 0);
  }
}

async function continueWaiting(
  context: CorePorts & Connections & Requests,
  { client, message, candidates }: PlacementAttempt,
  position: QueuePosition,
): Promise<PlacedSession> {
  const { title = message.title } = position;
  if (title === message.title) return waitInQueue(context, client, message, candidates, position);
  // The request keeps waiting for its first title, whatever the repeated frame names.
  const original = { ...message, title };
  const ranking = rankCandidates(context.catalog, context.fleet, original, client.device);
  if (!ranking.ok) throw new Refusal(ranking.code);
  return waitInQueue(context, client, original, ranking.candidates, position);
}
