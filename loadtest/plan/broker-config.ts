import type { SimulatedRegion } from './simulated-regions.js';

/** Configuration of brokers that are started for a run. */
export interface BrokerConfigOptions {
  readonly regions: readonly SimulatedRegion[];
  readonly title: string;
  readonly pool: string;
  /** Keys of the section `limits`. The others have the broker's defaults. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Latency policy of the run: nearby regions at once, regions half the world away after 20 seconds. */
export const LATENCY_STEPS = [
  { afterMs: 0, maxRttMs: 80 },
  { afterMs: 10_000, maxRttMs: 160 },
  { afterMs: 20_000, maxRttMs: 300 },
] as const;

/** Writes a configuration file with one pool in every region and one title, as JSON, which is valid YAML. */
export function brokerConfig({ regions, title, pool, limits }: BrokerConfigOptions): string {
  const config = {
    version: 1,
    regions: regions.map(({ region, name, lat, lon, timeZone }) => ({ region, name, lat, lon, timeZone })),
    pools: [
      {
        pool,
        platform: 'console',
        codecs: ['hevc', 'h264'],
        maxResolution: '2160p',
        maxFps: 60,
        titles: [title],
      },
    ],
    titles: [{ title, name: title, latencyPolicy: 'loadtest' }],
    latencyPolicies: { loadtest: LATENCY_STEPS },
    auth: { algorithms: ['HS256'] },
    limits: { goAwaySpreadMs: 0, ...limits },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
