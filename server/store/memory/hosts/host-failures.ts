import { toStoreMs, type StoreMs } from '../../../domain/store-time.js';
import {
  addHostFailure,
  areForgotten,
  isLeftOut,
  type HostFailureReason,
  type HostFailures,
} from '../../../domain/host-failures.js';
import type { FailedReservation, FailReservationOutcome } from '../../contracts/hosts.js';
import type { MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';
import { changeHostClosures } from './change-closures.js';

/** See `HostStore.failReservation`. */
export function failReservation(
  pool: PoolState,
  { hostId, sessionId, epoch, reason }: FailedReservation,
  nowMs: number,
  callerId: string,
): FailReservationOutcome {
  const session = pool.sessions.get(sessionId);
  const host = pool.hosts.get(hostId);
  if (host === undefined || session?.state !== 'reserved') return { kind: 'not_reserved' };
  if (session.hostId !== hostId || session.epoch !== epoch) return { kind: 'not_reserved' };
  const failures = countFailure(pool, hostId, reason, session.reservedAtMs, nowMs);
  const ended = pool.endSession(session, 'host_lost', nowMs, callerId);
  // A host that refuses every session must not hold up the queue: the player returns to the old position there.
  pool.lostSessions.delete(sessionId);
  return { kind: 'failed', ended, failures };
}

/** Counts a failure of a host and excludes it, unless the failure is counted already. */
export function countFailure(
  pool: PoolState,
  hostId: string,
  reason: HostFailureReason,
  reservedAtMs: StoreMs,
  nowMs: number,
): HostFailures | null {
  const before = pool.hostFailures.get(hostId) ?? null;
  const failures = addHostFailure(before, reason, reservedAtMs, toStoreMs(nowMs), pool.rules.backOff);
  if (failures === null) return null;
  pool.hostFailures.set(hostId, failures);
  changeHostClosures(pool, hostId, 'failing', 'add', nowMs);
  return failures;
}

/** Opens a host again whose back-off is over, or whose failures are forgotten. */
export function endBackOff(pool: PoolState, host: MemoryHost, nowMs: number): void {
  if (!host.closures.includes('failing')) return;
  const failures = pool.hostFailures.get(host.hostId);
  if (failures !== undefined && isLeftOut(failures, toStoreMs(nowMs), pool.rules.backOff)) return;
  changeHostClosures(pool, host.hostId, 'failing', 'remove', nowMs);
}

/** Forgets old failures: those of hosts that got no session since, or never registered again. */
export function forgetOldFailures(pool: PoolState, nowMs: number): void {
  for (const [hostId, failures] of pool.hostFailures) {
    if (!areForgotten(failures, toStoreMs(nowMs))) continue;
    pool.hostFailures.delete(hostId);
    changeHostClosures(pool, hostId, 'failing', 'remove', nowMs);
  }
}
