import type { RelayOutcome, SessionMessage } from '../../fleet-store.js';
import type { PoolState } from '../pool-state.js';

/** See `FleetStore.forward`: finds the other end of a letter's session, and leaves it for that end's broker. */
export function relayMessage(
  place: PoolState,
  { sessionId, epoch, fromHostId, body }: SessionMessage,
  nowMs: number,
  callerId: string,
): RelayOutcome {
  const known = place.sessions.get(sessionId);
  if (known === undefined) return { kind: 'unknown' };
  const { hostId, clientBrokerId } = known;
  if (known.epoch !== epoch) return { kind: 'stale' };
  if (fromHostId !== null && fromHostId !== hostId) return { kind: 'unknown' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  const brokerId = fromHostId === null ? brokerOfHost(place, hostId) : clientBrokerId;
  if (brokerId === '') return { kind: 'disconnected' };
  if (brokerId === callerId) return { kind: 'local', hostId };
  const letter = {
    kind: 'relayed' as const,
    sessionId,
    epoch,
    toHostId: fromHostId === null ? hostId : null,
    body,
  };
  return place.inboxes.add(brokerId, letter, nowMs) ? { kind: 'posted', brokerId } : { kind: 'overflow' };
}

function brokerOfHost(place: PoolState, hostId: string): string {
  return place.hosts.get(hostId)?.brokerId ?? '';
}
