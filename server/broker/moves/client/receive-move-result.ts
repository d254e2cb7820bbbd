import type { RegionPool } from '../../../domain/catalog.js';
import type { Connections } from '../../connections/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { emitSessionChange } from '../../messaging/session-events.js';
import type { StoreAccess } from '../../store-access/ports.js';

/** On the client's broker: the move was cancelled. */
export function handleMoveCancelled(
  { clientSessions, sessionRunner }: Connections,
  { sessionId, epoch }: Extract<ControlMessage, { type: 'cancelled' }>,
): void {
  const session = clientSessions.find(sessionId);
  if (session !== undefined) sessionRunner.dispatch(session, { type: 'move_cancelled', epoch });
}

/** On the client's broker: the session is on the target host. */
export async function handleClientArrived(
  context: StoreAccess & Events,
  regionPool: RegionPool,
  { sessionId }: Extract<ControlMessage, { type: 'arrived' }>,
): Promise<void> {
  const [session] = await context.store.getSessions(regionPool, [sessionId]);
  if (session !== null && session !== undefined) emitSessionChange(context, regionPool, session);
}
