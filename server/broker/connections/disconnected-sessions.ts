import type { SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { Connections } from './ports.js';

/** Remembers the loss of a session that this broker is about to match: `sendMatched` acts on it. */
export function rememberEarlyLoss(
  { connections, disconnectedSessions, earlyLosses, brokerId }: Connections & BrokerSettings,
  session: SessionRecord,
): void {
  const { sessionId, state, reason, clientBrokerId } = session;
  if (state !== 'ended' || reason !== 'host_lost' || clientBrokerId !== brokerId) return;
  if (connections.clientOfSession(sessionId) !== undefined) return;
  if (disconnectedSessions.get(sessionId) === undefined) earlyLosses.add(session);
}

/** Deletes the record of a disconnected session that has ended, has a newer epoch, or belongs to another broker now. */
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
