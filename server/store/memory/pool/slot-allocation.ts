import { expectedSessionLoad } from '../../../domain/congestion.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { SessionRecord } from '../../fleet-store.js';
import type { MemoryHost } from './memory-host.js';
import type { PoolState } from './pool-state.js';

/** What a session is before it has a slot. */
type SlotRequest = Pick<SessionRecord, 'sessionId' | 'epoch' | 'clientBrokerId' | 'meta'>;

/**
 * The least-congested host that can take one more. A silent one turns suspect when its turn comes, and is
 * passed over.
 */
export function chooseHost(place: PoolState, nowMs: number): MemoryHost | undefined {
  for (;;) {
    const host = place.freeHosts.leastCongested();
    if (host === undefined || !isSilent(place, host, nowMs)) return host;
    place.setState(host, nextHostState(host.state, 'late'));
  }
}

/** Whether a host has not beaten for so long that nothing is placed on it. */
export function isSilent(place: PoolState, host: MemoryHost, nowMs: number): boolean {
  return nowMs - host.beatAtMs > place.rules.suspectAfterMs;
}

/** Gives a slot of the host to a session that has none. */
export function takeSlot(
  place: PoolState,
  host: MemoryHost,
  { sessionId, epoch, clientBrokerId, meta }: SlotRequest,
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
  place.saveLiveSession(host, session, untilMs);
}

/**
 * Offers free slots to the queue, its head first, until either is exhausted. Every call that may free a slot
 * or make a host ready ends with this; so between calls nobody waits while there is room, and nobody who comes
 * later slips in between.
 */
export function offerFreeSlots(place: PoolState, nowMs: number): void {
  for (;;) {
    const head = place.waitingQueue.head();
    const host = head === undefined ? undefined : chooseHost(place, nowMs);
    if (head === undefined || host === undefined) return;
    const known = place.sessions.get(head.sessionId);
    if (known !== undefined && known.state !== 'ended') {
      // Its host reported meanwhile that it runs.
      place.waitingQueue.delete(head.sessionId);
      continue;
    }
    place.waitingQueue.removeFromQueue(head.sessionId);
    takeSlot(place, host, head, 'offered', nowMs, nowMs + place.rules.offerMs);
    place.notifyOfferChange(head);
  }
}
