import type { SessionState } from '@duskline/protocol/vocabulary';
import type { Place } from '../domain/catalog.js';
import type { SessionRecord } from '../store/fleet-store.js';
import { answerMatched } from './answer-matched.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { placeAgain } from './place-again.js';
import { waitAgain } from './wait-again.js';

/**
 * A session that was lost is placed again, under a new epoch: its client hears nothing but the new match. When there
 * is no room, a player who was not let in yet waits again, where the request stood before; one who played is told of
 * the end, as is whoever lost the session to another broker.
 *
 * @param was the state that its client knew of
 */
export async function replaceLost(
  context: BrokerContext,
  client: ClientConnection,
  place: Place,
  lost: SessionRecord,
  was: SessionState,
): Promise<void> {
  const { sessionId, epoch } = lost;
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { request } = known;
  try {
    const again = await placeAgain(context, client, request, place, lost);
    if (again?.kind === 'placed') {
      await answerMatched(context, client, request, again.placed);
      return;
    }
    if (again !== undefined && was === 'reserved' && request.wait !== false) {
      await waitAgain(context, client, known, lost, again);
      return;
    }
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'a lost session could not be placed again');
  }
  if (context.connections.clientOf(sessionId) !== client) return;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'host_lost' });
  context.connections.unlinkSession(sessionId);
}
