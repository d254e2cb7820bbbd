import { expectedSessionLoad } from '../../domain/congestion.js';
import { nextHostState } from '../../domain/host-state.js';
import type { SessionRecord } from '../fleet-store.js';
import type { MemoryHost } from './memory-host.js';
import type { PlaceState } from './place-state.js';

/** What a session is before it has a slot. */
type Wanted = Pick<SessionRecord, 'sessionId' | 'epoch' | 'clientBrokerId' | 'meta'>;

/**
 * The least-congested host that can take one more. A silent one turns suspect when its turn comes, and is
 * passed over.
 */
export function chooseHost(place: PlaceState, nowMs: number): MemoryHost | undefined {
  for (;;) {
    const host = place.free.least();
    if (host === undefined || !isSilent(place, host, nowMs)) return host;
    place.setState(host, nextHostState(host.state, 'late'));
  }
}

/** Whether a host has not beaten for so long that nothing is placed on it. */
export function isSilent(place: PlaceState, host: MemoryHost, nowMs: number): boolean {
  return nowMs - host.beatAtMs > place.rules.suspectAfterMs;
}

/** Gives a slot of the host to a session that has none. */
export function takeSlot(
  place: PlaceState,
  host: MemoryHost,
  { sessionId, epoch, clientBrokerId, meta }: Wanted,
  state: 'reserved' | 'offered' | 'arriving',
  nowMs: number,
  untilMs: number,
): void {
  host.ramping += expectedSessionLoad(host.slots);
  const session: SessionRecord = {
    sessionId,
    epoch,
    state,
    reason: null,
    hostId: host.hostId,
    reservedAtMs: nowMs,
    clientBrokerId,
    meta,
    movable: false,
  };
  place.putLive(host, session, untilMs);
}

/**
 * Offers free slots to the queue, its head first, until either is exhausted. Every call that may free a slot
 * or make a host ready ends with this; so between calls nobody waits while there is room, and nobody who comes
 * later slips in between.
 */
export function serve(place: PlaceState, nowMs: number): void {
  for (;;) {
    const head = place.line.head();
    const host = head === undefined ? undefined : chooseHost(place, nowMs);
    if (head === undefined || host === undefined) return;
    const known = place.sessions.get(head.sessionId);
    if (known !== undefined && known.state !== 'ended') {
      // Its host reported meanwhile that it runs.
      place.line.forget(head.sessionId);
      continue;
    }
    place.line.stepOut(head.sessionId);
    takeSlot(place, host, head, 'offered', nowMs, nowMs + place.rules.offerMs);
    place.call(head);
  }
}
