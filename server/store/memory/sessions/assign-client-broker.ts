import type { SessionRecord } from '../../contracts/session-record.js';
import type { PoolState } from '../pool/pool-state.js';

/** Records a client's broker in its live session and, if that is an offer, in the entry. */
export function assignClientBroker(
  pool: PoolState,
  live: SessionRecord,
  clientBrokerId: string,
): SessionRecord {
  const session = { ...live, clientBrokerId };
  pool.sessions.update(session);
  if (session.state === 'offered') pool.waitingQueue.update(session.sessionId, { clientBrokerId });
  return session;
}
