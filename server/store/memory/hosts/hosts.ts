import { toStoreMs } from '../../../domain/store-time.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import { decayRamping } from '../../../domain/congestion.js';
import type { RegionPool } from '../../../domain/catalog.js';
import type { Closure } from '../../../domain/closure.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { DrainStore } from '../../contracts/drains.js';
import type {
  HeartbeatOutcome,
  HostHeartbeat,
  HostRecord,
  HostRegistration,
  HostStore,
  PoolOverview,
  RegistrationOutcome,
} from '../../contracts/hosts.js';
import type { MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';
import { changeHostClosures, changePoolClosures } from './change-closures.js';
import { countFailure, endBackOff, failReservation } from './host-failures.js';
import { reconcileHost } from './reconcile-host.js';
import { recountHost, recountHosts } from './recount-hosts.js';
import { endHostSessions, findSilentHosts, markSilentHosts } from './silent-hosts.js';

/** Hosts in memory. */
export function createMemoryHosts(pools: RegionPools, drains: Pick<DrainStore, 'listDrains'>): HostStore {
  const getClosures = (pool: PoolState, hostId: string | null): readonly Closure[] =>
    hostId === null ? pool.closures : (pool.hostClosures.get(hostId) ?? []);

  const change = (
    regionPool: RegionPool,
    hostId: string | null,
    closure: Closure,
    how: 'add' | 'remove',
  ): void =>
    pools.runAndOfferSlots(regionPool, (pool, nowMs) => {
      if (hostId === null) changePoolClosures(pool, closure, how, nowMs);
      else changeHostClosures(pool, hostId, closure, how, nowMs);
    });

  return {
    registerHost: async (regionPool, host) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => registerHost(pool, host, nowMs)),

    recordHeartbeats: async (regionPool, heartbeats) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        heartbeats.map((heartbeat) => recordHeartbeat(pool, heartbeat, nowMs)),
      ),

    reconcileHost: async (regionPool, host, reported) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => reconcileHost(pool, host, reported, nowMs)),

    removeHost: async (regionPool, hostId, connectionId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => {
        const host = pool.hosts.get(hostId);
        if (host?.connectionId !== connectionId) return [];
        return endHostSessions(pool, host, 'host_ended', nowMs, host.brokerId);
      }),

    findSilentHosts: async (regionPool, silentForMs, limit) =>
      findSilentHosts(pools.get(regionPool), silentForMs, limit, pools.now()),

    markSilentHosts: async (regionPool, marks, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) => markSilentHosts(pool, marks, nowMs, callerId)),

    recountHosts: async (regionPool) => pools.runAndOfferSlots(regionPool, recountHosts),

    addClosure: async (regionPool, hostId, closure) => change(regionPool, hostId, closure, 'add'),

    removeClosure: async (regionPool, hostId, closure) => change(regionPool, hostId, closure, 'remove'),

    getClosures: async (regionPool, hostId) => getClosures(pools.get(regionPool), hostId),

    failReservation: async (regionPool, reservation, callerId) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        failReservation(pool, reservation, nowMs, callerId),
      ),

    recordHostFailure: async (regionPool, hostId, reason, reservedAtMs) =>
      pools.runAndOfferSlots(regionPool, (pool, nowMs) =>
        countFailure(pool, hostId, reason, reservedAtMs, nowMs),
      ),

    listHosts: async (regionPool) => {
      const pool = pools.get(regionPool);
      return [...pool.hosts.values()]
        .map((host) => toHostRecord(pool, host))
        .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
    },

    getEndpoints: async (regionPool, hostIds) => {
      const { hosts } = pools.get(regionPool);
      return hostIds.map((hostId) => {
        const host = hosts.get(hostId);
        return host === undefined ? null : { connectionId: host.connectionId, endpoint: host.endpoint };
      });
    },

    getRegionOverview: async (region, poolNames, brokerId) => ({
      drains: await drains.listDrains(region),
      regionPools: poolNames.map((pool) => getPoolOverview(pools.get({ region, pool }), brokerId)),
    }),
  };
}

function registerHost(pool: PoolState, registration: HostRegistration, nowMs: number): RegistrationOutcome {
  const { hostId, connectionId, slots, endpoint } = registration;
  const known = pool.hosts.get(hostId);
  if (known === undefined) {
    pool.addHost(registration, nowMs);
    return { endpointChanged: false, exceedsSlots: false };
  }
  const endpointChanged = known.endpoint !== endpoint;
  pool.setState(known, nextHostState(known.state, 'registered'));
  const brokerId = brokerIdOf(connectionId);
  Object.assign(known, { connectionId, brokerId, slots, endpoint, heartbeatAtMs: nowMs, missingAtMs: 0 });
  recountHost(pool, known);
  return { endpointChanged, exceedsSlots: known.committed > slots };
}

function recordHeartbeat(pool: PoolState, heartbeat: HostHeartbeat, nowMs: number): HeartbeatOutcome {
  const host = pool.hosts.get(heartbeat.hostId);
  if (host === undefined) return 'unknown';
  if (host.connectionId !== heartbeat.connectionId) return 'replaced';
  host.ramping = decayRamping(host.ramping, nowMs - host.heartbeatAtMs);
  host.measured = heartbeat.measured;
  host.heartbeatAtMs = nowMs;
  host.missingAtMs = 0;
  endBackOff(pool, host, nowMs);
  const agrees = host.digest === heartbeat.digest;
  // Until the host is reconciled, slots that look free may be in use.
  if (host.state === 'joining' && !agrees) return 'differs';
  pool.setState(host, nextHostState(host.state, 'heartbeat'));
  return agrees ? 'ok' : 'differs';
}

function toHostRecord(pool: PoolState, host: MemoryHost): HostRecord {
  const {
    hostId,
    connectionId,
    state,
    closures,
    slots,
    committed,
    measured,
    ramping,
    heartbeatAtMs,
    endpoint,
  } = host;
  return {
    hostId,
    connectionId,
    state,
    closures,
    failures: pool.hostFailures.get(hostId) ?? null,
    slots,
    committed,
    measured,
    ramping,
    heartbeatAtMs: toStoreMs(heartbeatAtMs),
    endpoint,
  };
}

function getPoolOverview(pool: PoolState, brokerId: string): PoolOverview {
  return {
    utilisation: { sessions: pool.liveSessions, slots: pool.readySlots },
    hosts: pool.hosts.size,
    waiting: pool.waitingQueue.length,
    hasInboxItems: pool.changedSessions.has(brokerId) || pool.inboxes.hasMessages(brokerId),
  };
}
