import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import type { TokenSigner } from '../../auth/token-signer.js';
import { regionPoolName, type Catalog } from '../../domain/catalog.js';

/** How many slots each simulated host has. */
const SLOTS_PER_HOST = 8;

const TOKEN_MS = 24 * 3_600_000;

/** The hosts of the demo, and what they saw. */
export interface DemoFleet {
  readonly hosts: number;
  readonly slots: number;
  slotsIn(region: string): number;
  hostsIn(region: string): number;
  /** Sessions that the hosts of a region hold now, as they count them. */
  sessionsIn(region: string): number;
  /** How often a host held more sessions than slots. */
  readonly overbooked: number;
  /** Hottest host over the mean, for each place that is at least a quarter in use. */
  hottestOverMean(): number[];
  stop(): Promise<void>;
}

export interface DemoFleetOptions {
  readonly url: string;
  readonly catalog: Catalog;
  readonly signer: TokenSigner;
  readonly hosts: number;
  /** How much faster than real time sessions ramp up. */
  readonly speed: number;
}

/** Starts the hosts and waits until all are registered. */
export async function startDemoFleet(options: DemoFleetOptions): Promise<DemoFleet> {
  const streams = await createStreamServer();
  const hosts = plannedPlaces(options.catalog, options.hosts).map((place, i) =>
    startHost(options, streams, place, i),
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

/** Hosts dealt out to every region and pool in turn. */
function plannedPlaces(catalog: Catalog, hosts: number): { region: string; pool: string }[] {
  const places = [...catalog.pools.keys()].flatMap((pool) =>
    [...catalog.regions.keys()].map((region) => ({ region, pool })),
  );
  return Array.from({ length: hosts }, (_, i) => places[i % places.length]).filter(
    (place) => place !== undefined,
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
  const places = new Map<string, number[]>();
  for (const host of hosts) {
    const sessions = places.get(regionPoolName(host)) ?? [];
    sessions.push(host.simulated.stats.sessions);
    places.set(regionPoolName(host), sessions);
  }
  return [...places.values()].flatMap((sessions) => {
    const mean = sessions.reduce((sum, count) => sum + count, 0) / sessions.length;
    return sessions.length > 1 && mean >= IN_USE_SHARE * SLOTS_PER_HOST ? [Math.max(...sessions) / mean] : [];
  });
}
