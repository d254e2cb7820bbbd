import { toStoreMs } from '../../../domain/store-time.js';
import { congestion } from '../../../domain/congestion.js';
import { nextHostState } from '../../../domain/host-state.js';
import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import type {
  CompleteMoveOutcome,
  MovableChange,
  MoveCompletion,
  MoveStore,
  ReserveTargetOutcome,
  TargetHostRequirements,
} from '../../contracts/moves.js';
import type { Reservation, SessionRecord } from '../../contracts/session-record.js';
import type { MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';
import { assignSlot, countSpareSlots, isSilent } from '../pool/slot-allocation.js';
import { Checkpoints } from './checkpoints.js';
import { MoveLog } from './move-log.js';

/** Moves in memory. */
export function createMemoryMoves(pools: RegionPools): MoveStore {
  const checkpoints = new Checkpoints();
  const log = new MoveLog();
  return {
    reserveTargetSlot: async (regionPool, reservation, requirements, ttlMs) => {
      const nowMs = pools.now();
      return reserveTargetSlot(pools.get(regionPool), reservation, requirements, nowMs, nowMs + ttlMs);
    },

    completeMove: async (regionPool, completion, ttlMs, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        completeMove(pool, completion, { nowMs, reservedUntilMs: nowMs + ttlMs, callerId }),
      ),

    releaseTargetSlot: async (regionPool, sessionId, epoch, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => {
        const reservation = pool.sessions.get(targetReservationIdOf(sessionId));
        if (reservation?.state !== 'arriving' || reservation.epoch !== epoch) return null;
        return pool.endSession(reservation, 'move_failed', nowMs, callerId);
      }),

    putCheckpoint: async (regionPool, sessionId, epoch, state) =>
      checkpoints.put(regionPool, sessionId, epoch, state, pools.now()),

    takeCheckpoint: async (regionPool, sessionId, epoch) =>
      checkpoints.take(regionPool, sessionId, epoch, pools.now()),

    recordMovableChanges: async (regionPool, changes) => {
      const pool = pools.get(regionPool);
      for (const change of changes) recordMovableChange(pool, change);
    },

    recordMove: async (entry) => log.add({ atMs: toStoreMs(pools.now()), ...entry }),

    listMoves: async (region, limit) => log.list(region, limit),
  };
}

function reserveTargetSlot(
  pool: PoolState,
  { sessionId, epoch, clientBrokerId, meta }: Reservation,
  requirements: TargetHostRequirements,
  nowMs: number,
  untilMs: number,
): ReserveTargetOutcome {
  const reservationId = targetReservationIdOf(sessionId);
  const known = pool.sessions.get(reservationId);
  if (known !== undefined && (known.state !== 'ended' || known.epoch >= epoch)) return { kind: 'over' };
  if (pool.closures.length > 0) return { kind: 'closed' };
  // While an entry waits, only slots that are kept for lost sessions are free.
  if (pool.waitingQueue.length > 0 || countSpareSlots(pool, 1, nowMs) === 0) return { kind: 'full' };
  const host = findTargetHost(pool, requirements, nowMs);
  if (host === undefined) return { kind: 'full' };
  const reservation = { sessionId: reservationId, epoch, clientBrokerId, meta };
  assignSlot(pool, host, reservation, 'arriving', nowMs, untilMs);
  return { kind: 'reserved', hostId: host.hostId, hostConnectionId: host.connectionId };
}

/**
 * Tries hosts from the least congested one on: a silent host becomes suspect and is passed over, the excluded one is passed
 * over, and the first one above the limit ends the search, because all behind it are above it too.
 */
function findTargetHost(
  pool: PoolState,
  { excludedHostId, maxCongestion }: TargetHostRequirements,
  nowMs: number,
): MemoryHost | undefined {
  for (;;) {
    const first = pool.freeHosts.leastCongested();
    const passesFirst =
      first?.hostId === excludedHostId && !isSilent(pool, first, nowMs) && congestion(first) <= maxCongestion;
    const host = passesFirst ? pool.freeHosts.secondLeastCongested() : first;
    if (host === undefined) return undefined;
    if (!isSilent(pool, host, nowMs)) return congestion(host) <= maxCongestion ? host : undefined;
    pool.setState(host, nextHostState(host.state, 'late'));
  }
}

interface CompletionContext {
  readonly nowMs: number;
  /** When the session expires if it moves as a reservation. */
  readonly reservedUntilMs: number;
  readonly callerId: string;
}

function completeMove(
  pool: PoolState,
  completion: MoveCompletion,
  context: CompletionContext,
): CompleteMoveOutcome {
  const { sessionId, epoch, hostId, state } = completion;
  const { nowMs, callerId } = context;
  const reservation = pool.sessions.get(targetReservationIdOf(sessionId));
  if (reservation?.epoch !== epoch || reservation.hostId !== hostId) return { kind: 'unknown' };
  if (reservation.state === 'ended') return { kind: 'over', reason: reservation.reason ?? 'error' };
  const known = pool.sessions.get(sessionId);
  const wasClaimed = known !== undefined && known.state !== 'ended' && known.state !== 'reserved';
  if (state === 'reserved' && wasClaimed) return { kind: 'unknown' };
  const isOutdated = known !== undefined && known.epoch >= epoch;
  if (isOutdated || pool.isExpired(reservation.sessionId, 'arriving', nowMs)) {
    const reason = isOutdated ? 'superseded' : 'move_failed';
    pool.endSession(reservation, reason, nowMs, callerId);
    return { kind: 'over', reason };
  }
  return { kind: 'moved', session: moveIntoTargetSlot(pool, completion, reservation, context) };
}

/** Gives a session its target slot, and frees the slot that it had in this region pool. */
function moveIntoTargetSlot(
  pool: PoolState,
  { sessionId, state, clientBrokerId, seq }: MoveCompletion,
  reservation: SessionRecord,
  { nowMs, reservedUntilMs, callerId }: CompletionContext,
): SessionRecord {
  const host = pool.hosts.get(reservation.hostId);
  const known = pool.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') pool.releaseSlot(known, nowMs, callerId);
  pool.deleteSession(sessionId);
  pool.waitingQueue.delete(sessionId);
  pool.lostSessions.delete(sessionId);
  const session: SessionRecord = {
    ...reservation,
    sessionId,
    state,
    clientBrokerId: known?.clientBrokerId ?? clientBrokerId,
    seq: Math.max(known?.seq ?? 0, seq),
    movable: false,
  };
  if (host === undefined) return session;
  pool.deleteTargetReservation(host, reservation);
  if (state !== 'reserved') pool.hostFailures.delete(host.hostId);
  pool.saveLiveSession(host, session, state === 'reserved' ? reservedUntilMs : null);
  pool.addChangedSession(session.clientBrokerId, sessionId, callerId);
  pool.addChangedSession(host.brokerId, sessionId, callerId);
  return session;
}

function recordMovableChange(pool: PoolState, { hostId, sessionId, epoch, movable }: MovableChange): void {
  const known = pool.sessions.get(sessionId);
  if (known === undefined || known.state === 'ended') return;
  if (known.hostId === hostId && known.epoch === epoch) pool.sessions.update({ ...known, movable });
}
