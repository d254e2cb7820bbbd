import { toStoreMs } from '../../../domain/store-time.js';
import { canTransition } from '../../../domain/session-state.js';
import type { EndedSession, Reservation, SessionRecord } from '../../contracts/session-record.js';
import type {
  EndSessionOutcome,
  EndSessionRequest,
  RecordedEnd,
  ReserveOutcome,
  SessionScan,
  SessionStateChange,
  SessionStore,
  StateChangeOutcome,
  NewOwner,
} from '../../contracts/sessions.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';
import { isReversible } from '../../../domain/session-state.js';
import { assignSlot, chooseHost, countSpareSlots } from '../pool/slot-allocation.js';
import { assignClientBroker } from './assign-client-broker.js';
import { deleteEndedSessions, expireSessions } from './expire-sessions.js';

/** Sessions in memory. */
export function createMemorySessions(pools: RegionPools): SessionStore {
  return {
    reserve: async (regionPool, reservations, ttlMs, callerId) => {
      const pool = pools.get(regionPool);
      const nowMs = pools.now();
      const context = { nowMs, ttlMs, othersWait: pool.waitingQueue.length > 0, callerId };
      const outcomes = reservations.map((reservation) => reserve(pool, reservation, context));
      return { outcomes, utilisation: { sessions: pool.liveSessions, slots: pool.readySlots } };
    },

    updateSessionStates: async (regionPool, changes, callerId) => {
      const pool = pools.get(regionPool);
      return changes.map((change) => updateSessionState(pool, change, callerId));
    },

    endSessions: async (regionPool, requests, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        requests.map((request) => endSession(pool, request, nowMs, callerId)),
      ),

    recordEnds: async (regionPool, ends, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        ends.flatMap((end) => recordEnd(pool, end, nowMs, callerId) ?? []),
      ),

    setClientBroker: async (regionPool, sessionId, clientBrokerId) =>
      setClientBroker(pools.get(regionPool), sessionId, clientBrokerId),

    giveSession: async (regionPool, sessionId, owner) =>
      giveSession(pools.get(regionPool), sessionId, owner, pools.now()),

    restoreSessions: async (regionPool, sessions) => {
      const pool = pools.get(regionPool);
      return sessions.map((session) => restoreSession(pool, session));
    },

    listHostSessions: async (regionPool, hostId) => {
      const pool = pools.get(regionPool);
      const host = pool.hosts.get(hostId);
      return host === undefined ? [] : pool.listHostSessions(host);
    },

    getSessions: async (regionPool, sessionIds) => {
      const { sessions } = pools.get(regionPool);
      return sessionIds.map((id) => sessions.get(id) ?? null);
    },

    scanSessions: async (regionPool, cursor, count) => scanSessions(pools.get(regionPool), cursor, count),

    expireSessions: async (regionPool, limit, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => expireSessions(pool, limit, nowMs, callerId)),

    deleteEndedSessions: async (regionPool, limit) =>
      deleteEndedSessions(pools.get(regionPool), limit, pools.now()),
  };
}

interface ReserveContext {
  readonly nowMs: number;
  readonly ttlMs: number;
  /** Whether entries wait: then every free slot is for them, or for a lost session. */
  readonly othersWait: boolean;
  readonly callerId: string;
}

function reserve(pool: PoolState, reservation: Reservation, context: ReserveContext): ReserveOutcome {
  const known = pool.sessions.get(reservation.sessionId);
  if (known !== undefined && known.state !== 'ended') return { kind: 'existing', session: known };
  if (known !== undefined && known.epoch >= reservation.epoch) {
    return { kind: 'over', reason: known.reason ?? 'error' };
  }
  if (pool.closures.length > 0) return { kind: 'closed' };
  const { nowMs, ttlMs, callerId } = context;
  const isLost = pool.lostSessions.take(reservation.sessionId, nowMs);
  const mayHaveSlot = isLost || (!context.othersWait && countSpareSlots(pool, 1, nowMs) > 0);
  const host = mayHaveSlot ? chooseHost(pool, nowMs) : undefined;
  if (host === undefined) return { kind: 'full' };
  assignSlot(pool, host, reservation, 'reserved', nowMs, nowMs + ttlMs);
  pool.addChangedSession(host.brokerId, reservation.sessionId, callerId);
  return { kind: 'reserved', hostId: host.hostId, hostConnectionId: host.connectionId };
}

function updateSessionState(
  pool: PoolState,
  change: SessionStateChange,
  callerId: string,
): StateChangeOutcome {
  const known = pool.sessions.get(change.sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== change.epoch || known.hostId !== change.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  if (!canTransition(known.state, change.to)) return { kind: 'bad_transition' };
  const host = pool.hosts.get(known.hostId);
  if (host === undefined) return { kind: 'unknown' };
  const session = { ...known, state: change.to };
  if (known.state === 'reserved') pool.hostFailures.delete(host.hostId);
  if (known.state !== change.to) {
    pool.saveLiveSession(host, session, null);
    pool.addChangedSession(known.clientBrokerId, known.sessionId, callerId);
  }
  return { kind: 'changed', session };
}

function endSession(
  pool: PoolState,
  { sessionId, epoch, reason, hostId }: EndSessionRequest,
  nowMs: number,
  callerId: string,
): EndSessionOutcome {
  const known = pool.sessions.get(sessionId);
  if (known === undefined) return { kind: 'unknown' };
  if (known.epoch !== epoch) return { kind: 'stale' };
  if (hostId !== undefined && hostId !== known.hostId) return { kind: 'stale' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  // An offer is withdrawn or expires. It never was a session that could end.
  if (known.state === 'offered') return { kind: 'stale' };
  // An ended session keeps neither: its record only tells late callers that it ended.
  const bare = { ...known, seq: 0, meta: null };
  return { kind: 'ended', ...pool.endSession(bare, reason, nowMs, callerId) };
}

function recordEnd(
  pool: PoolState,
  { sessionId, epoch, hostId, reason }: RecordedEnd,
  nowMs: number,
  callerId: string,
): EndedSession | undefined {
  const known = pool.sessions.get(sessionId);
  if (known !== undefined) {
    const isOver = known.state === 'ended' || known.state === 'offered' || known.epoch > epoch;
    return isOver ? undefined : pool.endSession(known, reason, nowMs, callerId);
  }
  const session: SessionRecord = {
    sessionId,
    epoch,
    state: 'ended',
    reason,
    hostId,
    reservedAtMs: toStoreMs(nowMs),
    clientBrokerId: '',
    seq: 0,
    meta: null,
    movable: false,
  };
  const hostConnectionId = pool.hosts.get(hostId)?.connectionId ?? null;
  return pool.recordEnded(session, reason, hostConnectionId, nowMs, callerId);
}

function setClientBroker(pool: PoolState, sessionId: string, clientBrokerId: string): SessionRecord | null {
  const known = pool.sessions.get(sessionId);
  if (known === undefined) return null;
  if (known.state === 'ended') return known;
  if (known.clientBrokerId !== clientBrokerId) {
    pool.addChangedSession(known.clientBrokerId, sessionId, clientBrokerId);
  }
  return assignClientBroker(pool, known, clientBrokerId);
}

function giveSession(
  pool: PoolState,
  sessionId: string,
  { clientBrokerId, heldSeq, fromSeq, endsWithHost }: NewOwner,
  nowMs: number,
): SessionRecord | null {
  const stored = pool.sessions.get(sessionId);
  const known = stored === undefined ? undefined : withTerms(stored, endsWithHost);
  if (known === undefined || (fromSeq !== undefined && known.seq !== fromSeq)) return null;
  if (known.state === 'ended')
    return isReversible(known.reason) ? assignClientBroker(pool, known, clientBrokerId) : known;
  if (known.seq === heldSeq && known.clientBrokerId === clientBrokerId) {
    pool.sessions.update(known);
    return known;
  }
  pool.sessions.update({ ...known, seq: Math.max(known.seq + 1, nowMs) });
  return setClientBroker(pool, sessionId, clientBrokerId);
}

/** The session with the terms of the request that has it now. An offer, and one that has ended, keeps its terms. */
function withTerms(session: SessionRecord, endsWithHost: boolean | undefined): SessionRecord {
  const { state, meta } = session;
  if (endsWithHost === undefined || meta === null || state === 'ended' || state === 'offered') return session;
  const { endsWithHost: _, ...terms } = meta;
  return { ...session, meta: endsWithHost ? { ...terms, endsWithHost } : terms };
}

function restoreSession(
  pool: PoolState,
  { sessionId, epoch, clientBrokerId, meta }: Reservation,
): SessionRecord | null {
  const known = pool.sessions.get(sessionId);
  if (known === undefined) return null;
  if (known.state === 'ended' || known.meta !== null || known.epoch !== epoch) return known;
  const session = { ...known, clientBrokerId, meta };
  pool.sessions.update(session);
  return session;
}

/** In the order of ids, so that sessions that start or end between two calls shift no other one. */
function scanSessions(pool: PoolState, cursor: string | null, count: number): SessionScan {
  const ids = pool.sessions.ids().sort();
  const from = cursor === null ? 0 : ids.findIndex((id) => id > cursor);
  const part = from < 0 ? [] : ids.slice(from, from + count);
  const isOver = from < 0 || from + count >= ids.length;
  return {
    sessions: part.flatMap((id) => pool.sessions.get(id) ?? []),
    next: isOver ? null : (part.at(-1) ?? null),
  };
}
