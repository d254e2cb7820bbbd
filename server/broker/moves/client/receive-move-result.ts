import type { RegionPool } from '../../../domain/catalog.js';
import type { Connections } from '../../connections/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { emitSessionChange } from '../../messaging/session-events.js';
import type { StoreAccess } from '../../store-access/ports.js';

/**
 * On the client's broker: the move was cancelled. Changes that the source host reported during the move were kept from the
 * client, so the client gets the session's present state.
 */
export async function handleMoveCancelled(
  context: StoreAccess & Connections & Events,
  regionPool: RegionPool,
  { sessionId, epoch }: Extract<ControlMessage, { type: 'cancelled' }>,
): Promise<void> {
  const known = context.connections.clientOfSession(sessionId)?.sessions.get(sessionId);
  if (known?.pendingMove?.epoch !== epoch) return;
  known.pendingMove = null;
  await emitStoredSession(context, regionPool, sessionId);
}

/** On the client's broker: the session is on the target host. */
export async function handleClientArrived(
  context: StoreAccess & Events,
  regionPool: RegionPool,
  { sessionId }: Extract<ControlMessage, { type: 'arrived' }>,
): Promise<void> {
  await emitStoredSession(context, regionPool, sessionId);
}

async function emitStoredSession(
  context: StoreAccess & Events,
  regionPool: RegionPool,
  sessionId: string,
): Promise<void> {
  const [session] = await context.store.getSessions(regionPool, [sessionId]);
  if (session !== null && session !== undefined) emitSessionChange(context, regionPool, session);
}
