import type { SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections/connections.js';
import { prepareHost } from '../messaging/notify-host.js';
import { decodeMatch } from '../sessions/match-details.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Sends the host its reservations: those made while it was on another connection may not have reached it.
 *
 * @param assigned the sessions that the store has on the host
 */
export function sendReservations(
  context: BrokerSettings & StoreAccess,
  host: HostConnection,
  assigned: readonly SessionRecord[],
): void {
  const reserved = assigned.filter(({ state }) => state === 'reserved');
  const { storeClock } = context;
  const { reservationMs } = context.limits;
  for (const { sessionId, epoch, meta, reservedAtMs } of reserved) {
    if (meta === null) continue;
    const leftMs = Math.max(0, reservationMs - storeClock.ageOf(reservedAtMs));
    prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match), leftMs);
  }
}
