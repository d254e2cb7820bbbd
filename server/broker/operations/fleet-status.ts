import type { RegionPool } from '../../domain/catalog.js';
import { FULL, congestion } from '../../domain/congestion.js';
import type { Closure } from '../../domain/closure.js';
import type { HostFailures } from '../../domain/host-failures.js';
import type { HostState } from '../../domain/host-state.js';
import type { RegionState } from '@duskline/protocol/vocabulary';
import type { FleetStore } from '../../store/fleet-store.js';
import { countWaiting } from '../queue/count-waiting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The fleet as operators see it. Loads range from 0 (idle) to 1 (full). */
export interface FleetStatus {
  readonly brokerId: string;
  readonly store: 'memory' | 'redis';
  /** Players who wait for a slot of any region pool, each counted once. */
  readonly waiting: number;
  readonly regions: readonly RegionStatus[];
}

export interface RegionStatus {
  readonly region: string;
  readonly name: string;
  readonly state: RegionState;
  readonly timeZone: string;
  /** Players who wait for a slot of any pool of this region, each counted once. */
  readonly waiting: number;
  readonly pools: readonly PoolStatus[];
}

export interface PoolStatus {
  readonly pool: string;
  readonly hosts: number;
  readonly readyHosts: number;
  readonly slots: number;
  /** Players who wait for a slot of this region pool. One who waits in several counts in each: do not add them up. */
  readonly waiting: number;
  /** Reserved and used slots. */
  readonly sessions: number;
  /** Congestion of the most congested host. */
  readonly hottest: number;
  readonly hostList: readonly HostStatus[];
}

export interface HostStatus {
  readonly hostId: string;
  readonly state: HostState;
  /** Why this host alone takes no new sessions; empty while it does. A drain of its region or pool does not show here. */
  readonly closures: readonly Closure[];
  /** Failures of new sessions in a row, and until when the host is excluded for them; `null` when there are none. */
  readonly failures: HostFailures | null;
  readonly slots: number;
  readonly sessions: number;
  readonly congestion: number;
  readonly measured: number;
  readonly endpoint: string;
}

/**
 * Reads the whole fleet from the store. Only for operators: the cost grows with the number of hosts and, where players wait in
 * several queues, with the number of positions in them (see `countWaiting`). No single call of the store grows with the queues.
 */
export async function readFleetStatus({
  brokerId,
  store,
  catalog,
  fleet,
}: BrokerSettings & StoreAccess): Promise<FleetStatus> {
  const regions = await Promise.all(
    [...catalog.regions.values()].map(async ({ region, name, timeZone }) => {
      const poolNames = [...catalog.pools.keys()];
      const pools = await Promise.all(poolNames.map((pool) => readPoolStatus(store, { region, pool })));
      return { region, name, state: fleet.regionState(region), timeZone, pools };
    }),
  );
  const waiting = await countWaiting(
    store,
    regions.flatMap(({ region, pools }) =>
      pools.map(({ pool, waiting: length }) => ({ regionPool: { region, pool }, length })),
    ),
  );
  return {
    brokerId,
    store: store.kind,
    waiting: waiting.total,
    regions: regions.map(({ region, name, state, timeZone, pools }) => ({
      region,
      name,
      state,
      timeZone,
      waiting: waiting.byRegion.get(region) ?? 0,
      pools: pools.filter((p) => p.hosts > 0 || p.waiting > 0),
    })),
  };
}

async function readPoolStatus(store: FleetStore, regionPool: RegionPool): Promise<PoolStatus> {
  const [hosts, queue] = await Promise.all([
    store.listHosts(regionPool),
    store.getQueueStatus(regionPool, [], false),
  ]);
  const hostList = hosts.map((host): HostStatus => ({
    hostId: host.hostId,
    state: host.state,
    closures: host.closures,
    failures: host.failures,
    slots: host.slots,
    sessions: host.committed,
    congestion: congestion(host) / FULL,
    measured: host.measured / FULL,
    endpoint: host.endpoint,
  }));
  return {
    pool: regionPool.pool,
    hosts: hosts.length,
    readyHosts: hosts.filter((host) => host.state === 'ready').length,
    waiting: queue.length,
    slots: hosts.reduce((sum, host) => sum + host.slots, 0),
    sessions: hosts.reduce((sum, host) => sum + host.committed, 0),
    hottest: Math.max(0, ...hostList.map((host) => host.congestion)),
    hostList,
  };
}
