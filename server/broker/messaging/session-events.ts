import type { RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import { sessionOfTargetReservation } from '../../domain/target-reservation.js';
import type { EndedSession, SessionRecord } from '../../store/fleet-store.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from './broker-events.js';

/**
 * Emits the present state of a session inside this broker. Listeners ignore a state that they know already, so every caller
 * that receives a session's record may emit it.
 */
export function emitSessionChange({ events }: Events, regionPool: RegionPool, session: SessionRecord): void {
  const sessionId = sessionOfTargetReservation(session.sessionId);
  if (sessionId === undefined) events.emit('sessionChanged', regionPool, session);
  else events.emit('targetReservationChanged', regionPool, sessionId, session);
}

/** Wakes up the brokers of the session's client and host: the store has put the change into their inboxes. */
function wakeOtherBrokers(
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

/**
 * Emits the present state of a session inside this broker, and wakes up the brokers of its client and its host.
 *
 * @param hostConnectionId connection of the session's host; `null` when the host needs no message
 */
export function notifyAllOfChange(
  context: BrokerSettings & StoreAccess & Events,
  regionPool: RegionPool,
  session: SessionRecord,
  hostConnectionId: string | null = null,
): void {
  emitSessionChange(context, regionPool, session);
  wakeOtherBrokers(context, regionPool, session, hostConnectionId);
}

/**
 * Counts ended sessions, emits their changes inside this broker, and wakes up the brokers of their clients and hosts. Remembers the
 * ends for a store that loses its data.
 */
export function notifyAllOfEnd(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
  ended: readonly EndedSession[],
): void {
  for (const { session, hostConnectionId } of ended) {
    if (sessionOfTargetReservation(session.sessionId) === undefined) {
      context.observer.sessionEnded(regionPool, session.reason ?? 'error');
      context.recentEnds.add(regionPool, session);
    }
    notifyAllOfChange(context, regionPool, session, hostConnectionId);
  }
}
