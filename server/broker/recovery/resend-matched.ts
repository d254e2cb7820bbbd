import type { RegionPool } from '../../domain/catalog.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import type { ControlMessage } from '../messaging/control-messages.js';
import { createMatched } from '../placement/create-matched.js';
import { placedFromSession } from '../requests/placed-from-session.js';
import { expectsClient } from '../sessions/expects-client.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * On the client's broker: sends `matched` again, at the same epoch, because the host has returned at another endpoint and the
 * client has no connection to it.
 */
export async function resendMatched(
  context: BrokerSettings & Runtime & StoreAccess & Connections & Credentials,
  regionPool: RegionPool,
  { sessionId, epoch }: Extract<ControlMessage, { type: 'endpoint_changed' }>,
): Promise<void> {
  const [session] = await context.store.getSessions(regionPool, [sessionId]);
  const known = context.clientSessions.find(sessionId);
  const held = heldBy(known);
  if (known === undefined || known.client === null || held?.epoch !== epoch || session?.epoch !== epoch)
    return;
  if (!expectsClient(session)) return;
  const leftMs =
    session.state === 'reserved'
      ? held.assignment.reservedUntilMs - context.clock.monotonicMs()
      : context.limits.reservationMs;
  const placed = await placedFromSession(context, regionPool, session, leftMs);
  // If another connection got the session meanwhile, its host must not take this client for that one.
  const { seq, request } = held.assignment;
  const message = await createMatched(context, known.client, request, { ...placed, seq });
  context.sessionRunner.dispatch(known, { type: 'endpoint_changed', epoch, message });
}
