import type { RegionPool } from '../../domain/catalog.js';
import { FULL, congestion } from '../../domain/congestion.js';
import { hostKey } from '../../domain/rebalance/limits/hot-hosts.js';
import type { Heat, HostSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { HostRecord, SessionRecord } from '../../store/fleet-store.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';

/** Facts about a host that its record does not contain. */
export interface HostObservations {
  readonly heat: Heat;
  readonly regionPoolIsOpen: boolean;
  readonly quarantined: boolean;
  /** The sessions of the host that were read. */
  readonly sessions: readonly SessionRecord[];
}

/** Converts the record of a host for plans. */
export function toHostSnapshot(
  regionPool: RegionPool,
  host: HostRecord,
  observations: HostObservations,
): HostSnapshot {
  const { hostId, slots, committed, measured, ramping, state, closures } = host;
  return {
    hostId,
    regionPool,
    slots,
    committed,
    congestion: congestion(host) / FULL,
    measuredLoad: measured / FULL,
    load: (measured + ramping) / FULL,
    heat: observations.heat,
    state,
    open: observations.regionPoolIsOpen && closures.every((closure) => closure === 'hot'),
    quarantined: observations.quarantined,
    outgoingMoves: observations.sessions.filter((session) => session.state === 'moving').length,
    incomingMoves: observations.sessions.filter((session) => session.state === 'arriving').length,
  };
}

/** Groups sessions by the key of their host (`hostKey`). */
export function groupByHost(
  sessions: readonly LocatedSession[],
): ReadonlyMap<string, readonly SessionRecord[]> {
  const groups = new Map<string, SessionRecord[]>();
  for (const { regionPool, session } of sessions) {
    const key = hostKey(regionPool, session.hostId);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [session]);
    else group.push(session);
  }
  return groups;
}
