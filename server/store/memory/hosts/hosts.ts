import { decayRamping } from '../../../domain/congestion.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { Closure } from '../../../domain/closure.js';
import { digestSessions } from '../../../domain/session-digest.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import type {
  HostHeartbeat,
  HeartbeatOutcome,
  EndedSession,
  HostRecord,
  HostRegistration,
} from '../../fleet-store.js';
import { countedSlots, type MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';

export function registerHost(place: PoolState, registration: HostRegistration, nowMs: number): void {
  const { hostId, connectionId, slots, endpoint } = registration;
  const known = place.hosts.get(hostId);
  if (known === undefined) {
    place.addHost(registration, nowMs);
    return;
  }
  place.setState(known, nextHostState(known.state, 'registered'));
  const brokerId = brokerIdOf(connectionId);
  Object.assign(known, { connectionId, brokerId, slots, endpoint, beatAtMs: nowMs, missingAtMs: 0 });
  recountHost(place, known);
}

export function recordHeartbeat(place: PoolState, report: HostHeartbeat, nowMs: number): HeartbeatOutcome {
  const host = place.hosts.get(report.hostId);
  if (host === undefined) return 'unknown';
  if (host.connectionId !== report.connectionId) return 'replaced';
  host.ramping = decayRamping(host.ramping, nowMs - host.beatAtMs);
  host.measured = report.measured;
  host.beatAtMs = nowMs;
  host.missingAtMs = 0;
  const agrees = host.digest === report.digest;
  // Its slots look free and may not be, until it is reconciled.
  if (host.state === 'joining' && !agrees) return 'differs';
  place.setState(host, nextHostState(host.state, 'heartbeat'));
  return agrees ? 'ok' : 'differs';
}

export function removeHost(
  place: PoolState,
  hostId: string,
  connectionId: string,
  nowMs: number,
): EndedSession[] {
  const host = place.hosts.get(hostId);
  if (host?.connectionId !== connectionId) return [];
  return place.removeHost(host, 'host_ended', nowMs, host.brokerId);
}

/** Brings a host's counter, digest and place in the order to what its sessions say. Returns whether it changed. */
export function recountHost(place: PoolState, host: MemoryHost): boolean {
  const sessions = host.sessions.map(({ record }) => record);
  const digest = digestSessions(sessions);
  const wrong = host.committed !== sessions.length || host.digest !== digest;
  host.committed = sessions.length;
  host.digest = digest;
  place.updateFreeOrder(host);
  return wrong;
}

export function listHosts(place: PoolState): HostRecord[] {
  return [...place.hosts.values()]
    .map((host) => ({
      hostId: host.hostId,
      connectionId: host.connectionId,
      state: host.state,
      closure: host.closure,
      slots: host.slots,
      committed: host.committed,
      measured: host.measured,
      ramping: host.ramping,
      beatAtMs: host.beatAtMs,
      endpoint: host.endpoint,
    }))
    .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
}

/** Closes one host, or the whole place, to new sessions, or opens it again. */
export function setClosure(place: PoolState, hostId: string | null, closure: Closure, nowMs: number): void {
  if (hostId === null) {
    place.closure = closure;
    if (closure !== 'open') place.clearQueue(nowMs);
    return;
  }
  if (closure === 'open') place.hostClosures.delete(hostId);
  else place.hostClosures.set(hostId, closure);
  const host = place.hosts.get(hostId);
  if (host === undefined) return;
  place.setClosure(host, closure);
  if (closure === 'open') return;
  for (const session of place.listHostSessions(host)) {
    if (session.state === 'offered') place.requeueOffer(session, nowMs);
  }
}

/** The slots of all hosts that take sessions, counted anew. */
export function countReadySlots(place: PoolState): number {
  let slots = 0;
  for (const host of place.hosts.values()) slots += countedSlots(host);
  return slots;
}
