import type { SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { Connections } from './ports.js';

/** Forgets a disconnected session that has ended, or that another broker or a later assignment took over. */
export function forgetDisconnectedSession(
  { disconnectedSessions, brokerId }: Connections & BrokerSettings,
  { sessionId, epoch, state, clientBrokerId }: SessionRecord,
): void {
  const disconnected = disconnectedSessions.get(sessionId);
  if (disconnected === undefined) return;
  const isElsewhere = clientBrokerId !== '' && clientBrokerId !== brokerId;
  if (state === 'ended' || isElsewhere || epoch > disconnected.known.epoch) {
    disconnectedSessions.forget(sessionId);
  }
}
