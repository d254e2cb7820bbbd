import type { SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { sendMatched } from '../placement/answer-matched.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { reassignSession } from '../placement/reassign-session.js';
import { requeueRequest } from './requeue-request.js';

/**
 * A session that was lost is placed again, under a new epoch: its client hears nothing but the new match. When there
 * is no room, a player who was not let in yet waits again, where the request stood before; one who played is told of
 * the end, as is whoever lost the session to another broker.
 *
 * @param previousState the state that its client knew of
 */
export async function replaceLostSession(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  place: RegionPool,
  lost: SessionRecord,
  previousState: SessionState,
): Promise<void> {
  const { sessionId, epoch } = lost;
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { request } = known;
  try {
    const again = await reassignSession(context, client, request, place, lost);
    if (again?.kind === 'placed') {
      await sendMatched(context, client, request, again.placed);
      return;
    }
    if (again !== undefined && previousState === 'reserved' && request.wait !== false) {
      await requeueRequest(context, client, known, lost, again);
      return;
    }
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'a lost session could not be placed again');
  }
  if (context.connections.clientOfSession(sessionId) !== client) return;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'host_lost' });
  context.connections.unlinkSession(sessionId);
}
