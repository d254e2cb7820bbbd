import type { RequestRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import { Refusal } from '../refusal.js';
import type { StoreAccess } from '../store-access/ports.js';
import { locateSession, notifyEnded } from './attach-earlier-session.js';
import { replacedRefusal } from './request-record.js';

/**
 * Answers a repeated request that another request of the player has replaced. It never gets its session back: the player chose the
 * other device.
 *
 * @throws Refusal SESSION_OVER, after the client was sent the end of the session, if the request had one; CANCELLED otherwise
 */
export async function refuseReplaced(
  context: StoreAccess,
  client: ClientConnection,
  record: RequestRecord,
): Promise<never> {
  const session = (await locateSession(context, record))?.session;
  if (session === undefined || session.hostId === '' || session.state === 'offered') throw replacedRefusal();
  notifyEnded(client, session.state === 'ended' ? session : { ...session, reason: 'superseded' });
  throw new Refusal('SESSION_OVER');
}
