import type { HeldSession } from '@duskline/protocol';
import type { MovableChange } from '../../store/contracts/moves.js';
import type { HostConnection } from '../connections/connections.js';

/**
 * Returns how the sessions that a host offers for moves differ from those recorded last, and remembers the new ones in
 * `host.movableEpochs`.
 */
export function collectMovableChanges(
  host: HostConnection,
  sessions: readonly HeldSession[],
): MovableChange[] {
  const { hostId } = host.registration;
  const changes: MovableChange[] = [];
  const movable = new Map<string, number>();
  for (const { sessionId, epoch, state, movable: offered } of sessions) {
    if (offered === true && state === 'connected') movable.set(sessionId, epoch);
  }
  for (const [sessionId, epoch] of movable) {
    if (host.movableEpochs.get(sessionId) === epoch) continue;
    host.movableEpochs.set(sessionId, epoch);
    changes.push({ hostId, sessionId, epoch, movable: true });
  }
  for (const [sessionId, epoch] of host.movableEpochs) {
    if (movable.get(sessionId) === epoch) continue;
    host.movableEpochs.delete(sessionId);
    changes.push({ hostId, sessionId, epoch, movable: false });
  }
  return changes;
}
