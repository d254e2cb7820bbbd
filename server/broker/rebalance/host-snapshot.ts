import type { RegionPool } from '../../domain/catalog.js';
import { FULL, congestion } from '../../domain/congestion.js';
import type { HostSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { HostRecord, SessionRecord } from '../../store/fleet-store.js';

/** What a host record does not say. */
export interface HostObservations {
  readonly hot: boolean;
  readonly regionPoolIsOpen: boolean;
  readonly quarantined: boolean;
  /** Those of its sessions that were looked at. */
  readonly sessions: readonly SessionRecord[];
}

/** A host as plans see it. */
export function toHostSnapshot(place: RegionPool, host: HostRecord, notes: HostObservations): HostSnapshot {
  const { hostId, slots, committed, measured, ramping, state, closure } = host;
  return {
    hostId,
    place,
    slots,
    committed,
    congestion: congestion(host) / FULL,
    load: (measured + ramping) / FULL,
    hot: notes.hot,
    excluded: closure === 'hot',
    state,
    open: notes.regionPoolIsOpen && (closure === 'open' || closure === 'hot'),
    quarantined: notes.quarantined,
    outgoingMoves: notes.sessions.filter((session) => session.state === 'moving').length,
    incomingMoves: notes.sessions.filter((session) => session.state === 'arriving').length,
  };
}
