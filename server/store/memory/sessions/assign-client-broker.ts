import type { SessionRecord } from '../../contracts/session-record.js';
import type { PoolState } from '../pool/pool-state.js';

/** Records a client's broker in its session and, if that is an offer, in the entry. */
export function assignClientBroker(
  pool: PoolState,
  known: SessionRecord,
  clientBrokerId: string,
): SessionRecord {
  const session = { ...known, clientBrokerId };
  pool.sessions.update(session);
  if (session.state === 'offered') pool.waitingQueue.update(session.sessionId, { clientBrokerId });
  return session;
}
