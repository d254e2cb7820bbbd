import { FULL, congestion } from '../../domain/congestion.js';
import type { Closure } from '../../domain/closure.js';
import type { HostFailures } from '../../domain/host-failures.js';
import type { HostState } from '../../domain/host-state.js';
import type { RegionState } from '@duskline/protocol/vocabulary';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The fleet as operators see it. Loads range from 0 (idle) to 1 (full). */
export interface FleetStatus {
  readonly brokerId: string;
  readonly store: 'memory' | 'redis';
  readonly regions: readonly RegionStatus[];
}

export interface RegionStatus {
  readonly region: string;
  readonly name: string;
  readonly state: RegionState;
  readonly timeZone: string;
  readonly pools: readonly PoolStatus[];
}

export interface PoolStatus {
  readonly pool: string;
  readonly hosts: number;
  readonly readyHosts: number;
  readonly slots: number;
  /** Requests that wait for a slot of this region pool. */
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

/** Reads the whole fleet from the store. Only for operators: the cost grows with the number of hosts. */
export async function readFleetStatus({
  brokerId,
  store,
  catalog,
  fleet,
}: BrokerSettings & StoreAccess): Promise<FleetStatus> {
  const regions = await Promise.all(
    [...catalog.regions.values()].map(async ({ region, name, timeZone }): Promise<RegionStatus> => {
      const pools = await Promise.all(
        [...catalog.pools.keys()].map(async (pool): Promise<PoolStatus> => {
          const regionPool = { region, pool };
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
            pool,
            hosts: hosts.length,
            readyHosts: hosts.filter((host) => host.state === 'ready').length,
            waiting: queue.length,
            slots: hosts.reduce((sum, host) => sum + host.slots, 0),
            sessions: hosts.reduce((sum, host) => sum + host.committed, 0),
            hottest: Math.max(0, ...hostList.map((host) => host.congestion)),
            hostList,
          };
        }),
      );
      return {
        region,
        name,
        state: fleet.regionState(region),
        timeZone,
        pools: pools.filter((p) => p.hosts > 0 || p.waiting > 0),
      };
    }),
  );
  return { brokerId, store: store.kind, regions };
}
