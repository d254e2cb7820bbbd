import type { RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import { sessionOfTargetReservation } from '../../domain/target-reservation.js';
import type { EndedSession, SessionRecord } from '../../store/fleet-store.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';

/**
 * Tells everything in this broker that has to do with a session how the session is now. Listeners ignore what they
 * know already, so every path that learns of a change may call this.
 */
export function emitSessionChange({ events }: Events, regionPool: RegionPool, session: SessionRecord): void {
  const sessionId = sessionOfTargetReservation(session.sessionId);
  if (sessionId === undefined) events.emit('sessionChanged', regionPool, session);
  else events.emit('targetReservationChanged', regionPool, sessionId, session);
}

/** Wakes up the brokers of the session's client and host, whose inboxes the store has filled. */
export function wakeOtherBrokers(
  context: BrokerSettings & StoreAccess,
  regionPool: RegionPool,
  session: SessionRecord,
  hostConnectionId: string | null,
): void {
  const { clientBrokerId } = session;
  wakeBroker(context, regionPool, clientBrokerId);
  const hostBrokerId = hostConnectionId === null ? '' : brokerIdOf(hostConnectionId);
  if (hostBrokerId !== clientBrokerId) wakeBroker(context, regionPool, hostBrokerId);
}

function wakeBroker(
  { store, brokerId: ownBrokerId }: BrokerSettings & StoreAccess,
  regionPool: RegionPool,
  brokerId: string,
): void {
  if (brokerId !== '' && brokerId !== ownBrokerId) store.sendWakeUp(brokerId, regionPool);
}

/** Counts ended sessions, tells this broker about them, and wakes up the other brokers concerned. */
export function notifyAllOfEnd(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
  ended: readonly EndedSession[],
): void {
  for (const { session, hostConnectionId } of ended) {
    if (sessionOfTargetReservation(session.sessionId) === undefined) {
      context.observer.sessionEnded(regionPool, session.reason ?? 'error');
    }
    emitSessionChange(context, regionPool, session);
    wakeOtherBrokers(context, regionPool, session, hostConnectionId);
  }
}
