import type { RegionPool } from '../../domain/catalog.js';
import { STORED_STATES, statesLeadingTo, type StoredState } from '../../domain/session-state.js';
import type { Utilisation } from '../contracts/hosts.js';
import type {
  EndSessionOutcome,
  ReserveOutcome,
  ReserveResult,
  SessionStore,
  StateChangeOutcome,
} from '../contracts/sessions.js';
import { MAX_BATCH, hasDuplicates, inBatches, inGroups } from './batches.js';
import {
  StoredFormatError,
  decodeEnded,
  decodeEndReason,
  decodeSession,
  decodeSessions,
  encodeMeta,
  texts,
} from './records.js';
import type { RedisContext } from './redis-context.js';

/** For each state, the states that lead to it, each between commas: scripts search these texts. */
const SOURCE_STATES = Object.fromEntries(
  STORED_STATES.map((to) => [to, `,${statesLeadingTo(to).join(',')},`]),
) as Readonly<Record<StoredState, string>>;

/** Sessions in Redis. */
export function createRedisSessions({ redis, keys, runInPool, command }: RedisContext): SessionStore {
  async function getUtilisation(regionPool: RegionPool): Promise<Utilisation> {
    const key = keys.poolKey(regionPool, 'totals');
    const [sessions, slots] = await command(() => redis.hmget(key, 'sessions', 'slots'));
    return { sessions: Number(sessions ?? 0), slots: Number(slots ?? 0) };
  }

  return {
    async reserve(regionPool, reservations, ttlMs, callerId) {
      const results = await Promise.all(
        inGroups(reservations, MAX_BATCH).map(async (batch) => {
          const sessionIds = batch.map(({ sessionId }) => sessionId);
          const reply = await runInPool('sessions/reserve', regionPool, {
            callerId,
            reservationMs: ttlMs,
            hasDuplicates: hasDuplicates(sessionIds),
            sessionIds,
            assignments: batch.map(
              ({ epoch, clientBrokerId, meta }) => `${epoch}|${clientBrokerId}|${encodeMeta(meta)}`,
            ),
          });
          return decodeReserve(sessionIds, reply);
        }),
      );
      return {
        outcomes: results.flatMap(({ outcomes }) => outcomes),
        utilisation: results.at(-1)?.utilisation ?? (await getUtilisation(regionPool)),
      };
    },

    updateSessionStates: (regionPool, changes, callerId) =>
      inBatches(changes, async (batch) => {
        const sessionIds = batch.map(({ sessionId }) => sessionId);
        const reply = await runInPool('sessions/update-session-states', regionPool, {
          callerId,
          sessionIds,
          epochs: batch.map(({ epoch }) => epoch),
          hostIds: batch.map(({ hostId }) => hostId),
          states: batch.map(({ to }) => to),
          sourceStates: batch.map(({ to }) => SOURCE_STATES[to]),
        });
        return decodeStateChanges(sessionIds, reply);
      }),

    endSessions: (regionPool, requests, callerId) =>
      inBatches(requests, async (batch) => {
        const sessionIds = batch.map(({ sessionId }) => sessionId);
        const reply = await runInPool('sessions/end-sessions', regionPool, {
          callerId,
          hasDuplicates: hasDuplicates(sessionIds),
          sessionIds,
          epochs: batch.map(({ epoch }) => epoch),
          orders: batch.map(({ reason, hostId = '' }) => `${reason}|${hostId}`),
        });
        return decodeEndSessions(sessionIds, reply);
      }),

    recordEnds: (regionPool, ends, callerId) =>
      inBatches(ends, async (batch) =>
        decodeEnded(
          await runInPool('sessions/record-ends', regionPool, {
            callerId,
            sessionIds: batch.map(({ sessionId }) => sessionId),
            epochs: batch.map(({ epoch }) => epoch),
            hostIds: batch.map(({ hostId }) => hostId),
            reasons: batch.map(({ reason }) => reason),
          }),
        ),
      ),

    async setClientBroker(regionPool, sessionId, clientBrokerId) {
      const args = { callerId: '', sessionId, clientBrokerId };
      const record = await runInPool('sessions/set-client-broker', regionPool, args);
      return typeof record === 'string' ? decodeSession(sessionId, record) : null;
    },

    async giveSession(regionPool, sessionId, { clientBrokerId, heldSeq, fromSeq, endsWithHost }) {
      const terms = endsWithHost === undefined ? null : Number(endsWithHost);
      const owner = { clientBrokerId, heldSeq, fromSeq: fromSeq ?? null, endsWithHost: terms };
      const args = { callerId: '', sessionId, ...owner };
      const record = await runInPool('sessions/give-session', regionPool, args);
      return typeof record === 'string' ? decodeSession(sessionId, record) : null;
    },

    restoreSessions: (regionPool, sessions) =>
      inBatches(sessions, async (batch) => {
        const reply = await runInPool('sessions/restore-sessions', regionPool, {
          sessionIds: batch.map(({ sessionId }) => sessionId),
          epochs: batch.map(({ epoch }) => epoch),
          brokerIds: batch.map(({ clientBrokerId }) => clientBrokerId),
          metas: batch.map(({ meta }) => encodeMeta(meta)),
        });
        const fields = texts(reply);
        return batch.map(({ sessionId }, i) => {
          const field = fields[i] ?? '?';
          return field === '?' ? null : decodeSession(sessionId, field.slice(1));
        });
      }),

    listHostSessions: async (regionPool, hostId) =>
      decodeSessions(await runInPool('sessions/list-host-sessions', regionPool, { hostId })),

    async getSessions(regionPool, sessionIds) {
      if (sessionIds.length === 0) return [];
      const key = keys.poolKey(regionPool, 'sessions');
      const records = await command(() => redis.hmget(key, ...sessionIds));
      return sessionIds.map((id, i) => {
        const record = records[i];
        return typeof record === 'string' ? decodeSession(id, record) : null;
      });
    },

    async scanSessions(regionPool, cursor, count) {
      const key = keys.poolKey(regionPool, 'sessions');
      const [next, fields] = await command(() => redis.hscan(key, cursor ?? '0', 'COUNT', count));
      return { sessions: decodeSessions(fields), next: next === '0' ? null : next };
    },

    expireSessions: async (regionPool, limit, callerId) =>
      decodeEnded(await runInPool('sessions/expire-sessions', regionPool, { callerId, limit })),

    deleteEndedSessions: async (regionPool, limit) =>
      Number(await runInPool('sessions/delete-ended-sessions', regionPool, { limit })),
  };
}

/** @param sessionIds of the reservations, in the order of the call */
function decodeReserve(sessionIds: readonly string[], reply: unknown): ReserveResult {
  const fields = texts(reply);
  const outcomes = sessionIds.map((sessionId, i): ReserveOutcome => {
    const field = fields[i] ?? '';
    const detail = field.slice(1);
    switch (field.charAt(0)) {
      case '+': {
        const bar = detail.indexOf('|');
        return { kind: 'reserved', hostId: detail.slice(0, bar), hostConnectionId: detail.slice(bar + 1) };
      }
      case '=':
        return { kind: 'existing', session: decodeSession(sessionId, detail) };
      case '!':
        return { kind: 'over', reason: decodeEndReason(detail) };
      case '-':
        return { kind: 'full' };
      case '/':
        return { kind: 'closed' };
      default:
        throw new StoredFormatError(`unexpected "${field}"`);
    }
  });
  const [sessions, slots] = fields.slice(-2).map(Number);
  return { outcomes, utilisation: { sessions: sessions ?? 0, slots: slots ?? 0 } };
}

/** @param sessionIds of the changes, in the order of the call */
function decodeStateChanges(sessionIds: readonly string[], reply: unknown): StateChangeOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): StateChangeOutcome => {
    const kind = fields[i * 2];
    const detail = fields[i * 2 + 1] ?? '';
    switch (kind) {
      case 'changed':
        return { kind, session: decodeSession(sessionId, detail) };
      case 'over':
        return { kind, reason: decodeEndReason(detail) };
      case 'stale':
      case 'unknown':
      case 'bad_transition':
        return { kind };
      default:
        throw new StoredFormatError(`unexpected "${kind}"`);
    }
  });
}

/** @param sessionIds of the requests, in the order of the call */
function decodeEndSessions(sessionIds: readonly string[], reply: unknown): EndSessionOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): EndSessionOutcome => {
    const kind = fields[i * 2] ?? '';
    const detail = fields[i * 2 + 1] ?? '';
    if (kind.startsWith('+')) {
      const session = decodeSession(sessionId, detail);
      return { kind: 'ended', session, hostConnectionId: kind === '+' ? null : kind.slice(1) };
    }
    switch (kind) {
      case 'over':
        return { kind, reason: decodeEndReason(detail) };
      case 'stale':
      case 'unknown':
        return { kind };
      default:
        throw new StoredFormatError(`unexpected "${kind}"`);
    }
  });
}
