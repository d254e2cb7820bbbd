import type { Place } from '../../domain/catalog.js';
import { FULL, congestion } from '../../domain/congestion.js';
import type { HostPicture } from '../../domain/rebalance/picture.js';
import type { HostRecord, SessionRecord } from '../../store/fleet-store.js';

/** What a host record does not say. */
export interface HostNotes {
  readonly hot: boolean;
  readonly placeIsOpen: boolean;
  readonly quarantined: boolean;
  /** Those of its sessions that were looked at. */
  readonly sessions: readonly SessionRecord[];
}

/** A host as plans see it. */
export function hostPicture(place: Place, host: HostRecord, notes: HostNotes): HostPicture {
  const { hostId, slots, committed, measured, ramping, state, closure } = host;
  return {
    hostId,
    place,
    slots,
    committed,
    congestion: congestion(host) / FULL,
    load: (measured + ramping) / FULL,
    hot: notes.hot,
    shunned: closure === 'hot',
    state,
    open: notes.placeIsOpen && (closure === 'open' || closure === 'hot'),
    quarantined: notes.quarantined,
    leaving: notes.sessions.filter((session) => session.state === 'moving').length,
    arriving: notes.sessions.filter((session) => session.state === 'arriving').length,
  };
}
