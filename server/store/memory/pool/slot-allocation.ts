import { toStoreMs } from '../../../domain/store-time.js';
import { changeClosures } from '../../../domain/closure.js';
import { expectedSessionLoad } from '../../../domain/congestion.js';
import { startTrial } from '../../../domain/host-failures.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { SessionRecord } from '../../contracts/session-record.js';
import type { MemoryHost } from './memory-host.js';
import type { PoolState } from './pool-state.js';

/** What is known of a session before it has a slot. */
type SlotRequest = Pick<SessionRecord, 'sessionId' | 'epoch' | 'clientBrokerId' | 'meta'>;

/** The least congested host with a free slot. A silent host that comes first becomes suspect and is passed over. */
export function chooseHost(pool: PoolState, nowMs: number): MemoryHost | undefined {
  for (;;) {
    const host = pool.freeHosts.leastCongested();
    if (host === undefined || !isSilent(pool, host, nowMs)) return host;
    pool.setState(host, nextHostState(host.state, 'late'));
  }
}

/**
 * How many of `wanted` slots are free when each lost session has one. A host with failures gives one, because it gets no other
 * session until a client claimed that one.
 */
export function countSpareSlots(pool: PoolState, wanted: number, nowMs: number): number {
  let spare = -pool.lostSessions.count(nowMs);
  if (spare === 0) return wanted;
  for (const host of pool.freeHosts.all()) {
    if (isSilent(pool, host, nowMs)) continue;
    spare += pool.hostFailures.has(host.hostId) ? 1 : host.slots - host.committed;
    if (spare >= wanted) return wanted;
  }
  return Math.max(0, spare);
}

/** Whether a host's last heartbeat is so old that nothing is placed on it. */
export function isSilent(pool: PoolState, host: MemoryHost, nowMs: number): boolean {
  return nowMs - host.heartbeatAtMs > pool.rules.suspectAfterMs;
}

/** Gives a slot of the host to a session that has none. A host with failures gets no other one until a client claimed this one. */
export function assignSlot(
  pool: PoolState,
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
    reservedAtMs: toStoreMs(nowMs),
    clientBrokerId,
    seq: 0,
    meta,
    movable: false,
  };
  pool.saveLiveSession(host, session, untilMs);
  const failures = pool.hostFailures.get(host.hostId);
  if (failures === undefined) return;
  pool.hostFailures.set(host.hostId, startTrial(failures, toStoreMs(nowMs), pool.rules.backOff));
  pool.setHostClosures(host.hostId, changeClosures(host.closures, 'failing', 'add'));
}
