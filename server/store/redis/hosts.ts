import { toStoreMs, toUnixMs } from '../../domain/store-time.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import { HOST_STATES, type HostState } from '../../domain/host-state.js';
import type { HeartbeatOutcome, HostStore, Reconciliation, SilentHostsReport } from '../contracts/hosts.js';
import { inBatches, inGroups } from './batches.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { Closure } from '../../domain/closure.js';
import {
  StoredFormatError,
  decodeClosures,
  decodeEnded,
  decodeEndReason,
  decodeFailures,
  decodeHost,
  decodeSessions,
  oneOf,
  texts,
} from './records.js';
import type { RedisContext } from './redis-context.js';
import { getRegionOverview } from './region-overview.js';

/** One call of `recountHosts` checks at most this many hosts. */
const RECOUNT_HOSTS = 50;

/** Hosts in Redis. */
export function createRedisHosts(context: RedisContext): HostStore {
  const { redis, keys, runInPool, command } = context;

  async function changeClosures(
    regionPool: RegionPool,
    hostId: string | null,
    closure: Closure,
    change: 'add' | 'remove',
  ): Promise<void> {
    await runInPool('hosts/change-closures', regionPool, {
      callerId: '',
      hostId: hostId ?? '',
      closure,
      change,
    });
  }

  return {
    async registerHost(regionPool, { hostId, connectionId, slots, endpoint }) {
      const args = { hostId, connectionId, slots, endpoint };
      const [endpointChanged, exceedsSlots] = texts(await runInPool('hosts/register-host', regionPool, args));
      return { endpointChanged: endpointChanged === '1', exceedsSlots: exceedsSlots === '1' };
    },

    recordHeartbeats: (regionPool, heartbeats) =>
      inBatches(heartbeats, async (batch) =>
        decodeHeartbeats(
          await runInPool('hosts/record-heartbeats', regionPool, {
            hostIds: batch.map(({ hostId }) => hostId),
            connectionIds: batch.map(({ connectionId }) => connectionId),
            measuredLoads: batch.map(({ measured }) => measured),
            digests: batch.map(({ digest }) => digest),
          }),
        ),
      ),

    async reconcileHost(regionPool, { hostId, connectionId }, sessions) {
      const reply = await runInPool('hosts/reconcile-host', regionPool, {
        callerId: brokerIdOf(connectionId),
        hostId,
        connectionId,
        sessionIds: sessions.map(({ sessionId }) => sessionId),
        epochs: sessions.map(({ epoch }) => epoch),
        states: sessions.map(({ state }) => state),
      });
      return decodeReconciliation(reply);
    },

    async removeHost(regionPool, hostId, connectionId) {
      const callerId = brokerIdOf(connectionId);
      const args = { callerId, hostId, connectionId };
      return decodeEnded(await runInPool('hosts/remove-host', regionPool, args));
    },

    async findSilentHosts(regionPool, silentForMs, limit) {
      return decodeSilentHosts(
        await runInPool('hosts/find-silent-hosts', regionPool, { silentForMs, limit }),
      );
    },

    async markSilentHosts(regionPool, marks, callerId) {
      const reply = await runInPool('hosts/mark-silent-hosts', regionPool, {
        callerId,
        hostIds: marks.map(({ hostId }) => hostId),
        heartbeatTimes: marks.map(({ heartbeatAtMs }) => toUnixMs(heartbeatAtMs)),
        marks: marks.map(({ order }) => order),
      });
      return decodeEnded(reply);
    },

    async recountHosts(regionPool, cursor) {
      const reply = await runInPool('hosts/recount-hosts', regionPool, {
        cursor: cursor ?? '0',
        count: RECOUNT_HOSTS,
      });
      const [next, repaired] = reply as [unknown, unknown];
      return { next: next === '0' ? null : String(next), repaired: texts(repaired).sort() };
    },

    addClosure: (regionPool, hostId, closure) => changeClosures(regionPool, hostId, closure, 'add'),

    removeClosure: (regionPool, hostId, closure) => changeClosures(regionPool, hostId, closure, 'remove'),

    async getClosures(regionPool, hostId) {
      const field = hostId === null ? 'closure' : `closed/${hostId}`;
      return decodeClosures(await command(() => redis.hget(keys.poolKey(regionPool, 'totals'), field)));
    },

    async failReservation(regionPool, reservation, callerId) {
      const reply = await runInPool('hosts/fail-reservation', regionPool, { ...reservation, callerId });
      const [kind, failures, ...ended] = texts(reply);
      const [first] = decodeEnded(ended);
      if (kind === 'not_reserved' || first === undefined) return { kind: 'not_reserved' };
      return { kind: 'failed', ended: first, failures: decodeFailures(failures) };
    },

    async recordHostFailure(regionPool, hostId, reason, reservedAtMs) {
      const args = { callerId: '', hostId, reason, reservedAt: toUnixMs(reservedAtMs) };
      return decodeFailures(String(await runInPool('hosts/record-host-failure', regionPool, args)));
    },

    async listHosts(regionPool) {
      const [hosts, endpoints, totals, failures] = await command(() =>
        Promise.all([
          redis.hgetallBuffer(keys.poolKey(regionPool, 'hosts')),
          redis.hgetall(keys.poolKey(regionPool, 'endpoints')),
          redis.hgetall(keys.poolKey(regionPool, 'totals')),
          redis.hgetall(keys.poolKey(regionPool, 'failures')),
        ]),
      );
      return Object.entries(hosts)
        .map(([hostId, record]) => {
          const { connectionId, state, slots, committed, measured, ramping, heartbeatAtMs } =
            decodeHost(record);
          const closures = decodeClosures(totals[`closed/${hostId}`]);
          const endpoint = endpoints[hostId] ?? '';
          return {
            hostId,
            connectionId,
            state,
            closures,
            failures: decodeFailures(failures[hostId]),
            slots,
            committed,
            measured,
            ramping,
            heartbeatAtMs: toStoreMs(heartbeatAtMs),
            endpoint,
          };
        })
        .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
    },

    async getEndpoints(regionPool, hostIds) {
      if (hostIds.length === 0) return [];
      const [hosts, endpoints] = await command(() =>
        Promise.all([
          redis.hmgetBuffer(keys.poolKey(regionPool, 'hosts'), ...hostIds),
          redis.hmget(keys.poolKey(regionPool, 'endpoints'), ...hostIds),
        ]),
      );
      return hostIds.map((_, i) => {
        const record = hosts[i];
        const endpoint = endpoints[i];
        if (!Buffer.isBuffer(record) || typeof endpoint !== 'string') return null;
        return { connectionId: decodeHost(record).connectionId, endpoint };
      });
    },

    getRegionOverview: (region, pools, brokerId) => getRegionOverview(context, region, pools, brokerId),
  };
}

const HEARTBEAT_OUTCOMES: readonly HeartbeatOutcome[] = ['ok', 'differs', 'replaced', 'unknown'];

function decodeHeartbeats(reply: unknown): HeartbeatOutcome[] {
  return texts(reply).map((outcome) => oneOf(HEARTBEAT_OUTCOMES, outcome));
}

function decodeReconciliation(reply: unknown): Reconciliation {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  const [outcome, ended, rejected, adopted, arriving, returned] = reply as unknown[];
  const kind = oneOf<Reconciliation['outcome']>(['ok', 'replaced', 'unknown'], String(outcome));
  if (kind !== 'ok')
    return { outcome: kind, ended: [], rejected: [], adopted: [], returned: [], arriving: [] };
  const adoptedSessions = decodeSessions(adopted);
  const returnedIds = new Set(texts(returned));
  return {
    outcome: kind,
    ended: decodeEnded(ended),
    rejected: inGroups(texts(rejected), 3).map(([sessionId = '', epoch, reason]) => ({
      sessionId,
      epoch: Number(epoch),
      reason: decodeEndReason(reason),
    })),
    adopted: adoptedSessions,
    returned: adoptedSessions.filter(({ sessionId }) => returnedIds.has(sessionId)),
    arriving: texts(arriving),
  };
}

function decodeSilentHosts(reply: unknown): SilentHostsReport {
  const fields = texts(reply);
  const nowMs = Number(fields.at(-1));
  return {
    hosts: Number(fields[0]),
    silent: inGroups(fields.slice(1, -1), 4).map(([hostId = '', state, beatAt, missingAt]) => {
      const heartbeatAtMs = Number(beatAt);
      const missingAtMs = Number(missingAt);
      return {
        hostId,
        state: oneOf<HostState>(HOST_STATES, state),
        silentMs: nowMs - heartbeatAtMs,
        missingForMs: missingAtMs === 0 ? null : nowMs - missingAtMs,
        heartbeatAtMs: toStoreMs(heartbeatAtMs),
      };
    }),
  };
}
