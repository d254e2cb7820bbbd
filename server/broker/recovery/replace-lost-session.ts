import type { SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { sendMatched } from '../placement/answer-matched.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { reassignSession } from '../placement/reassign-session.js';
import { requeueRequest } from './requeue-request.js';

/** A request is placed on so many hosts. When all of them have failed it, its client is told. */
const MAX_FAILED_HOSTS = 3;

/**
 * Gives a session whose host was lost, or refused it, another host, under a new epoch; its client receives only the new
 * `matched`. If no slot is free, the request of a session that was only reserved waits again with its old arrival time. A
 * session that was in use ends, as does one that another broker has taken over, or that `MAX_FAILED_HOSTS` hosts failed.
 *
 * @param previousState the state that the client knew
 */
export async function replaceLostSession(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  regionPool: RegionPool,
  lost: SessionRecord,
  previousState: SessionState,
): Promise<void> {
  const { sessionId, epoch } = lost;
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { request } = known;
  const mayTryAgain = previousState !== 'reserved' || addFailedHost(context, lost) < MAX_FAILED_HOSTS;
  try {
    const outcome = mayTryAgain
      ? await reassignSession(context, client, request, regionPool, lost)
      : undefined;
    if (outcome?.kind === 'placed') {
      await sendMatched(context, client, request, outcome.placed);
      return;
    }
    if (outcome !== undefined && previousState === 'reserved' && request.wait !== false) {
      await requeueRequest(context, client, known, lost, outcome);
      return;
    }
  } catch (error) {
    context.log.warn({ err: error, sessionId }, 'session could not be replaced after its host was lost');
  }
  if (context.connections.clientOfSession(sessionId) !== client) return;
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'host_lost' });
  context.connections.unlinkSession(sessionId);
}

/** Adds the host of a lost session to those that failed it. Returns how many these are. */
function addFailedHost({ failedHosts }: Connections, { sessionId, hostId }: SessionRecord): number {
  const hostIds = new Set(failedHosts.get(sessionId)?.hostIds);
  // A reservation that the store has lost names no host.
  if (hostId !== '') hostIds.add(hostId);
  failedHosts.add({ sessionId, hostIds });
  return hostIds.size;
}
