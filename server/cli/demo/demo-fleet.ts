import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import type { TokenSigner } from '../../auth/token-signer.js';
import { groupByRegionPool, type Catalog } from '../../domain/catalog.js';

const SLOTS_PER_HOST = 8;

const TOKEN_MS = 24 * 3_600_000;

/** The hosts of the demo, and their counts. */
export interface DemoFleet {
  readonly hosts: number;
  readonly slots: number;
  slotsIn(region: string): number;
  hostsIn(region: string): number;
  /** Sessions of a region now, as its hosts count them. */
  sessionsIn(region: string): number;
  /** Times when a host had more sessions than slots. */
  readonly overbooked: number;
  /** Sessions of the hottest host over the mean, for each region's pool that is at least 25 % full. */
  hottestOverMean(): number[];
  stop(): Promise<void>;
}

export interface DemoFleetOptions {
  readonly url: string;
  readonly catalog: Catalog;
  readonly signer: TokenSigner;
  readonly hosts: number;
  /** Simulated milliseconds for each real one: the load of a new session ramps up faster. */
  readonly speed: number;
}

/** Starts the hosts and waits until all are registered. */
export async function startDemoFleet(options: DemoFleetOptions): Promise<DemoFleet> {
  const streams = await createStreamServer();
  const hosts = assignRegionPools(options.catalog, options.hosts).map((regionPool, i) =>
    startHost(options, streams, regionPool, i),
  );
  await Promise.all(hosts.map(({ simulated }) => simulated.host.whenRegistered()));
  const inRegion = (region: string): typeof hosts => hosts.filter((host) => host.region === region);
  return {
    hosts: hosts.length,
    slots: hosts.length * SLOTS_PER_HOST,
    slotsIn: (region) => inRegion(region).length * SLOTS_PER_HOST,
    hostsIn: (region) => inRegion(region).length,
    sessionsIn: (region) =>
      inRegion(region).reduce((sum, { simulated }) => sum + simulated.stats.sessions, 0),
    get overbooked() {
      return hosts.reduce((sum, { simulated }) => sum + simulated.stats.overbooked, 0);
    },
    hottestOverMean: () => hottestOverMean(hosts),
    async stop() {
      await Promise.all(hosts.map(({ simulated }) => simulated.leave()));
      await streams.close();
    },
  };
}

interface DemoHost {
  readonly region: string;
  readonly pool: string;
  readonly simulated: SimulatedHost;
}

/** The region and pool of each host: all pools of all regions, in turn. */
function assignRegionPools(catalog: Catalog, hosts: number): { region: string; pool: string }[] {
  const regionPools = [...catalog.pools.keys()].flatMap((pool) =>
    [...catalog.regions.keys()].map((region) => ({ region, pool })),
  );
  return Array.from({ length: hosts }, (_, i) => regionPools[i % regionPools.length]).filter(
    (regionPool) => regionPool !== undefined,
  );
}

function startHost(
  { url, signer, speed }: DemoFleetOptions,
  streams: StreamServer,
  { region, pool }: { region: string; pool: string },
  index: number,
): DemoHost {
  const simulated = createSimulatedHost({
    url,
    token: signer.sign({ kind: 'host', region, pool }, TOKEN_MS),
    hostId: `host-${String(index + 1).padStart(2, '0')}`,
    region,
    pool,
    slots: SLOTS_PER_HOST,
    streams,
    load: { speed },
  });
  return { region, pool, simulated };
}

const IN_USE_SHARE = 0.25;

function hottestOverMean(hosts: readonly DemoHost[]): number[] {
  return groupByRegionPool(hosts, (host) => host).flatMap(([, group]) => {
    const sessions = group.map(({ simulated }) => simulated.stats.sessions);
    const mean = sessions.reduce((sum, count) => sum + count, 0) / sessions.length;
    return sessions.length > 1 && mean >= IN_USE_SHARE * SLOTS_PER_HOST ? [Math.max(...sessions) / mean] : [];
  });
}
