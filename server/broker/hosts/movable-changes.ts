import type { HeldSession } from '@duskline/protocol';
import type { MovableChange } from '../../store/contracts/moves.js';
import type { HostConnection } from '../connections/connections.js';

/** What the store has to be told of a host's sessions: which may be moved, as far as that has changed. */
export function collectMovableChanges(
  host: HostConnection,
  sessions: readonly HeldSession[],
): MovableChange[] {
  const { hostId } = host.registration;
  const notes: MovableChange[] = [];
  const movable = new Map<string, number>();
  for (const { sessionId, epoch, state, movable: offered } of sessions) {
    if (offered === true && state === 'connected') movable.set(sessionId, epoch);
  }
  for (const [sessionId, epoch] of movable) {
    if (host.movableEpochs.get(sessionId) === epoch) continue;
    host.movableEpochs.set(sessionId, epoch);
    notes.push({ hostId, sessionId, epoch, movable: true });
  }
  for (const [sessionId, epoch] of host.movableEpochs) {
    if (movable.get(sessionId) === epoch) continue;
    host.movableEpochs.delete(sessionId);
    notes.push({ hostId, sessionId, epoch, movable: false });
  }
  return notes;
}
