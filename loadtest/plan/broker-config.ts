import type { SimulatedRegion } from './simulated-regions.js';

/** What brokers that are started for a run are configured with. */
export interface BrokerConfigOptions {
  readonly regions: readonly SimulatedRegion[];
  readonly title: string;
  readonly pool: string;
  /** Keys of the section `limits`; the broker's defaults hold for the others. */
  readonly limits: Readonly<Record<string, number>>;
}

/** How far away a host may be. Neighbours are near enough at once, half the world after a while. */
export const LATENCY_STEPS = [
  { afterMs: 0, maxRttMs: 80 },
  { afterMs: 10_000, maxRttMs: 160 },
  { afterMs: 20_000, maxRttMs: 300 },
] as const;

/** A configuration file: one pool in every region, one title. JSON is YAML, too. */
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
