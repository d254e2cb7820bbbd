import { expectedSessionLoad } from '../../domain/congestion.js';
import { nextHostState } from '../../domain/host-state.js';
import { canTransition } from '../../domain/session-state.js';
import { brokerOf } from '../../domain/connection-id.js';
import type {
  ChangeOutcome,
  Release,
  ReleaseOutcome,
  Reservation,
  ReserveOutcome,
  SessionChange,
  SessionRecord,
} from '../fleet-store.js';
import type { PlaceState } from './place-state.js';

export interface ReserveContext {
  readonly nowMs: number;
  readonly ttlMs: number;
  readonly suspectAfterMs: number;
  readonly callerId: string;
}

/** Reserves the least-congested slot of the place for one session. */
export function reserve(place: PlaceState, wanted: Reservation, context: ReserveContext): ReserveOutcome {
  const known = place.sessions.get(wanted.sessionId);
  if (known !== undefined && known.state !== 'ended') return { kind: 'existing', session: known };
  if (known !== undefined && known.epoch >= wanted.epoch)
    return { kind: 'over', reason: known.reason ?? 'error' };

  const { nowMs, ttlMs, callerId } = context;
  for (;;) {
    const host = place.leastCongested();
    if (host === undefined) return { kind: 'full' };
    if (nowMs - host.beatAtMs > context.suspectAfterMs) {
      place.setState(host, nextHostState(host.state, 'late'));
      continue;
    }
    host.ramping += expectedSessionLoad(host.slots);
    const session: SessionRecord = {
      sessionId: wanted.sessionId,
      epoch: wanted.epoch,
      state: 'reserved',
      reason: null,
      hostId: host.hostId,
      reservedAtMs: nowMs,
      clientBrokerId: wanted.clientBrokerId,
      meta: wanted.meta,
    };
    place.putLive(host, session, nowMs + ttlMs);
    place.post(brokerOf(host.connectionId), session.sessionId, callerId);
    return { kind: 'reserved', hostId: host.hostId, hostConnectionId: host.connectionId };
  }
}

export function transition(place: PlaceState, change: SessionChange, callerId: string): ChangeOutcome {
  const known = place.sessions.get(change.sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== change.epoch || known.hostId !== change.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  if (!canTransition(known.state, change.to)) return { kind: 'bad_transition' };
  const host = place.hosts.get(known.hostId);
  if (host === undefined) return { kind: 'unknown' };
  const session = { ...known, state: change.to };
  if (known.state !== change.to) {
    place.putLive(host, session, null);
    place.post(known.clientBrokerId, known.sessionId, callerId);
  }
  return { kind: 'changed', session };
}

export function release(place: PlaceState, order: Release, nowMs: number, callerId: string): ReleaseOutcome {
  const known = place.sessions.get(order.sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== order.epoch) return { kind: 'stale' };
  if (order.hostId !== undefined && order.hostId !== known.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  // An ended session keeps no meta: it is remembered only so that latecomers can be told of its end.
  return { kind: 'ended', ...place.end({ ...known, meta: null }, order.reason, nowMs, callerId) };
}

export function attach(place: PlaceState, sessionId: string, clientBrokerId: string): SessionRecord | null {
  const known = place.sessions.get(sessionId);
  if (known === undefined) return null;
  if (known.state === 'ended') return known;
  const session = { ...known, clientBrokerId };
  place.sessions.set(sessionId, session);
  return session;
}
