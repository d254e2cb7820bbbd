import type { HeldSession } from '@duskline/protocol';
import type { MovableChange } from '../../store/contracts/moves.js';
import type { HostConnection } from '../connections/connections.js';

/** Returns how the sessions that a host offers for moves differ from those that the store knows to be movable. */
export function collectMovableChanges(
  { registration: { hostId }, sessions: known }: HostConnection,
  sessions: readonly HeldSession[],
): MovableChange[] {
  const movable = new Map<string, number>();
  for (const { sessionId, epoch, state, movable: offered } of sessions) {
    if (offered === true && state === 'connected') movable.set(sessionId, epoch);
  }
  const changes: MovableChange[] = [];
  for (const [sessionId, epoch] of movable) {
    const isNews = known.get(sessionId).storedMovableEpoch !== epoch;
    if (isNews) changes.push({ hostId, sessionId, epoch, movable: true });
  }
  for (const { sessionId, epoch } of known.storedMovable) {
    if (movable.get(sessionId) !== epoch) changes.push({ hostId, sessionId, epoch, movable: false });
  }
  return changes;
}

/** Remembers that the store knows these changes of a host. Until then each heartbeat reports them again. */
export function rememberMovableChanges(
  { sessions }: HostConnection,
  changes: readonly MovableChange[],
): void {
  for (const { sessionId, epoch, movable } of changes)
    sessions.apply(sessionId, { type: 'movable_recorded', epoch, movable });
}
