import { brokerIdOf } from '../../../domain/connection-id.js';
import { decayRamping } from '../../../domain/congestion.js';
import type { RegionPool } from '../../../domain/catalog.js';
import { changeClosures, withdrawsOffers, type Closure } from '../../../domain/closure.js';
import { nextHostState } from '../../../domain/host-state.js';
import type { DrainStore } from '../../contracts/drains.js';
import type {
  HeartbeatOutcome,
  HostHeartbeat,
  HostRecord,
  HostRegistration,
  HostStore,
  PoolOverview,
} from '../../contracts/hosts.js';
import type { MemoryHost } from '../pool/memory-host.js';
import { clearQueue, requeueOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';
import { reconcileHost } from './reconcile-host.js';
import { recountHost, recountHosts } from './recount-hosts.js';
import { endHostSessions, findSilentHosts, markSilentHosts } from './silent-hosts.js';

/** Hosts in memory. */
export function createMemoryHosts(pools: RegionPools, drains: Pick<DrainStore, 'listDrains'>): HostStore {
  const getClosures = (pool: PoolState, hostId: string | null): readonly Closure[] =>
    hostId === null ? pool.closures : (pool.hostClosures.get(hostId) ?? []);

  const setClosures = (regionPool: RegionPool, hostId: string | null, closures: readonly Closure[]): void =>
    pools.runAndOfferSlots(regionPool, (pool, nowMs) => {
      if (hostId === null) setPoolClosures(pool, closures, nowMs);
      else setHostClosures(pool, hostId, closures, nowMs);
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

    addClosure: async (regionPool, hostId, closure) => {
      const before = getClosures(pools.get(regionPool), hostId);
      setClosures(regionPool, hostId, changeClosures(before, closure, 'add'));
    },

    removeClosure: async (regionPool, hostId, closure) => {
      const before = getClosures(pools.get(regionPool), hostId);
      setClosures(regionPool, hostId, changeClosures(before, closure, 'remove'));
    },

    getClosures: async (regionPool, hostId) => getClosures(pools.get(regionPool), hostId),

    listHosts: async (regionPool) =>
      [...pools.get(regionPool).hosts.values()]
        .map(toHostRecord)
        .sort((a, b) => (a.hostId < b.hostId ? -1 : 1)),

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

function registerHost(pool: PoolState, registration: HostRegistration, nowMs: number): void {
  const { hostId, connectionId, slots, endpoint } = registration;
  const known = pool.hosts.get(hostId);
  if (known === undefined) {
    pool.addHost(registration, nowMs);
    return;
  }
  pool.setState(known, nextHostState(known.state, 'registered'));
  const brokerId = brokerIdOf(connectionId);
  Object.assign(known, { connectionId, brokerId, slots, endpoint, heartbeatAtMs: nowMs, missingAtMs: 0 });
  recountHost(pool, known);
}

function recordHeartbeat(pool: PoolState, heartbeat: HostHeartbeat, nowMs: number): HeartbeatOutcome {
  const host = pool.hosts.get(heartbeat.hostId);
  if (host === undefined) return 'unknown';
  if (host.connectionId !== heartbeat.connectionId) return 'replaced';
  host.ramping = decayRamping(host.ramping, nowMs - host.heartbeatAtMs);
  host.measured = heartbeat.measured;
  host.heartbeatAtMs = nowMs;
  host.missingAtMs = 0;
  const agrees = host.digest === heartbeat.digest;
  // Until the host is reconciled, slots that look free may be in use.
  if (host.state === 'joining' && !agrees) return 'differs';
  pool.setState(host, nextHostState(host.state, 'heartbeat'));
  return agrees ? 'ok' : 'differs';
}

function setPoolClosures(pool: PoolState, closures: readonly Closure[], nowMs: number): void {
  pool.closures = closures;
  if (closures.length > 0) clearQueue(pool, nowMs);
}

function setHostClosures(pool: PoolState, hostId: string, closures: readonly Closure[], nowMs: number): void {
  if (closures.length === 0) pool.hostClosures.delete(hostId);
  else pool.hostClosures.set(hostId, closures);
  const host = pool.hosts.get(hostId);
  if (host === undefined) return;
  pool.setClosures(host, closures);
  if (!withdrawsOffers(closures)) return;
  for (const session of pool.listHostSessions(host)) {
    if (session.state === 'offered') requeueOffer(pool, session, nowMs);
  }
}

function toHostRecord(host: MemoryHost): HostRecord {
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
    slots,
    committed,
    measured,
    ramping,
    heartbeatAtMs,
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
