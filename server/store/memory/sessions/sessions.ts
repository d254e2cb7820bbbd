import { canTransition } from '../../../domain/session-state.js';
import type {
  StateChangeOutcome,
  EndSessionRequest,
  EndSessionOutcome,
  Reservation,
  ReserveOutcome,
  SessionStateChange,
  SessionRecord,
} from '../../fleet-store.js';
import type { PoolState } from '../pool/pool-state.js';
import { chooseHost, takeSlot } from '../pool/slot-allocation.js';

export interface ReserveContext {
  readonly nowMs: number;
  readonly ttlMs: number;
  /** Whether others wait already: what is free is theirs. */
  readonly othersWait: boolean;
  readonly callerId: string;
}

/** Reserves the least-congested slot of the place for one session. */
export function reserve(place: PoolState, wanted: Reservation, context: ReserveContext): ReserveOutcome {
  const known = place.sessions.get(wanted.sessionId);
  if (known !== undefined && known.state !== 'ended') return { kind: 'existing', session: known };
  if (known !== undefined && known.epoch >= wanted.epoch)
    return { kind: 'over', reason: known.reason ?? 'error' };

  if (place.closure !== 'open') return { kind: 'closed' };
  const { nowMs, ttlMs, callerId } = context;
  const host = context.othersWait ? undefined : chooseHost(place, nowMs);
  if (host === undefined) return { kind: 'full' };
  takeSlot(place, host, wanted, 'reserved', nowMs, nowMs + ttlMs);
  place.addChangedSession(host.brokerId, wanted.sessionId, callerId);
  return { kind: 'reserved', hostId: host.hostId, hostConnectionId: host.connectionId };
}

export function updateSessionState(
  place: PoolState,
  change: SessionStateChange,
  callerId: string,
): StateChangeOutcome {
  const known = place.sessions.get(change.sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== change.epoch || known.hostId !== change.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  if (!canTransition(known.state, change.to)) return { kind: 'bad_transition' };
  const host = place.hosts.get(known.hostId);
  if (host === undefined) return { kind: 'unknown' };
  const session = { ...known, state: change.to };
  if (known.state !== change.to) {
    place.saveLiveSession(host, session, null);
    place.addChangedSession(known.clientBrokerId, known.sessionId, callerId);
  }
  return { kind: 'changed', session };
}

export function endSession(
  place: PoolState,
  order: EndSessionRequest,
  nowMs: number,
  callerId: string,
): EndSessionOutcome {
  const known = place.sessions.get(order.sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== order.epoch) return { kind: 'stale' };
  if (order.hostId !== undefined && order.hostId !== known.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  // An offer is withdrawn or runs out; it never was a session that could end.
  if (known.state === 'offered') return { kind: 'stale' };
  // An ended session keeps no meta: it is remembered only so that latecomers can be told of its end.
  return { kind: 'ended', ...place.endSession(known, order.reason, nowMs, callerId, null) };
}

export function setClientBroker(
  place: PoolState,
  sessionId: string,
  clientBrokerId: string,
): SessionRecord | null {
  const known = place.sessions.get(sessionId);
  if (known === undefined) return null;
  if (known.state === 'ended') return known;
  if (known.clientBrokerId !== clientBrokerId)
    place.addChangedSession(known.clientBrokerId, sessionId, clientBrokerId);
  return assignClientBroker(place, known, clientBrokerId);
}

/** Notes a broker in a live session, and in the placement that it is offered to. */
export function assignClientBroker(
  place: PoolState,
  live: SessionRecord,
  clientBrokerId: string,
): SessionRecord {
  const session = { ...live, clientBrokerId };
  place.sessions.update(session);
  if (session.state === 'offered') place.waitingQueue.update(session.sessionId, { clientBrokerId });
  return session;
}

/** Gives a session that was adopted from its host's report back what was lost about it. */
export function restoreSession(
  place: PoolState,
  { sessionId, epoch, clientBrokerId, meta }: Reservation,
): SessionRecord | null {
  const known = place.sessions.get(sessionId);
  if (known === undefined) return null;
  if (known.state === 'ended' || known.meta !== null || known.epoch !== epoch) return known;
  const session = { ...known, clientBrokerId, meta };
  place.sessions.update(session);
  return session;
}
