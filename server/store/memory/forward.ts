import type { ForwardOutcome, Letter } from '../fleet-store.js';
import type { PlaceState } from './place-state.js';

/** See `FleetStore.forward`: finds the other end of a letter's session, and leaves it for that end's broker. */
export function forward(
  place: PlaceState,
  { sessionId, epoch, fromHostId, body }: Letter,
  nowMs: number,
  callerId: string,
): ForwardOutcome {
  const known = place.sessions.get(sessionId);
  if (known === undefined) return { kind: 'unknown' };
  const { hostId, clientBrokerId } = known;
  if (known.epoch !== epoch) return { kind: 'stale' };
  if (fromHostId !== null && fromHostId !== hostId) return { kind: 'unknown' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  const brokerId = fromHostId === null ? hostBroker(place, hostId) : clientBrokerId;
  if (brokerId === '') return { kind: 'away' };
  if (brokerId === callerId) return { kind: 'local', hostId };
  const letter = {
    kind: 'letter' as const,
    sessionId,
    epoch,
    toHostId: fromHostId === null ? hostId : null,
    body,
  };
  return place.letters.post(brokerId, letter, nowMs) ? { kind: 'posted', brokerId } : { kind: 'overflow' };
}

function hostBroker(place: PlaceState, hostId: string): string {
  return place.hosts.get(hostId)?.brokerId ?? '';
}
