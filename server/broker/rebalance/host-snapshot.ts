import type { RegionPool } from '../../domain/catalog.js';
import { FULL, congestion } from '../../domain/congestion.js';
import type { ScheduledChain } from '../../domain/rebalance/actions/scheduled-chain.js';
import { hostKey } from '../../domain/rebalance/limits/hot-hosts.js';
import type { Heat, HostSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import { sessionOfTargetReservation } from '../../domain/target-reservation.js';
import type { HostRecord, SessionRecord } from '../../store/fleet-store.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';

/** Facts about a host that its record does not contain. */
export interface HostObservations {
  readonly heat: Heat;
  readonly regionPoolIsOpen: boolean;
  readonly quarantined: boolean;
  /** The sessions of the host that were read, without those whose moves are counted elsewhere (`withScheduledChains`). */
  readonly sessions: readonly SessionRecord[];
}

/** Converts the record of a host for plans. */
export function toHostSnapshot(
  regionPool: RegionPool,
  host: HostRecord,
  observations: HostObservations,
): HostSnapshot {
  const { hostId, slots, committed, measured, ramping, state, closures } = host;
  const outgoingMoves = observations.sessions.filter((session) => session.state === 'moving').length;
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
    outgoingMoves,
    incomingMoves: observations.sessions.filter((session) => session.state === 'arriving').length,
    slotsBeingFreed: outgoingMoves,
  };
}

/** The ids of all sessions of these chains. */
export function sessionIdsOf(chains: readonly ScheduledChain[]): ReadonlySet<string> {
  return new Set(chains.flatMap(({ moves }) => moves.map(({ sessionId }) => sessionId)));
}

/**
 * Groups sessions by the key of their host (`hostKey`).
 *
 * @param leftOut ids of sessions that are left out, together with their target reservations
 */
export function groupByHost(
  sessions: readonly LocatedSession[],
  leftOut: ReadonlySet<string>,
): ReadonlyMap<string, readonly SessionRecord[]> {
  const groups = new Map<string, SessionRecord[]>();
  for (const { regionPool, session } of sessions) {
    const { sessionId } = session;
    if (leftOut.size > 0 && leftOut.has(sessionOfTargetReservation(sessionId) ?? sessionId)) continue;
    const key = hostKey(regionPool, session.hostId);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [session]);
    else group.push(session);
  }
  return groups;
}
