import type { Device } from '@duskline/protocol';
import type { TokenSigner } from '../../auth/token-signer.js';
import type { Catalog, Region } from '../../domain/catalog.js';
import {
  MEAN_SESSION_MINUTES,
  PEAK_SHARE,
  demandShare,
  drawArrivalInterval,
  drawSessionMinutes,
} from '@duskline/loadtest/plan/demand.js';
import type { DemoStatistics } from './demo-figures.js';
import type { DemoFleet } from './demo-fleet.js';
import { runPlayer } from './demo-player.js';
import type { DemoRegions } from './demo-regions.js';

export interface PlayerArrivalOptions {
  readonly url: string;
  readonly catalog: Catalog;
  readonly signer: TokenSigner;
  readonly world: DemoRegions;
  readonly fleet: DemoFleet;
  readonly figures: DemoStatistics;
  /** The time of the demo's day, in milliseconds since midnight UTC. */
  readonly dayMs: () => number;
  /** Simulated milliseconds for each real one. */
  readonly speed: number;
  readonly signal: AbortSignal;
}

/** Demand of a region at its busiest hour, as a share of its slots. */
const PEAK_LOAD = 0.95;

const TOKEN_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Starts players in each region, at a rate that follows its local hour, until `signal` aborts. Resolves when all have left. */
export async function runPlayerArrivals(options: PlayerArrivalOptions): Promise<void> {
  const visits = new Set<Promise<void>>();
  let players = 0;
  const arrive = (region: Region): void => {
    players += 1;
    const visitor = runPlayer(drawPlayer(options, region, `player-${players}`)).finally(() =>
      visits.delete(visitor),
    );
    visits.add(visitor);
  };
  await Promise.all(options.world.regions.map((region) => scheduleArrivals(options, region, arrive)));
  await Promise.all(visits);
}

/** A Poisson process whose rate follows the local hour: drawn at the peak rate, and thinned (Lewis and Shedler). */
function scheduleArrivals(
  options: PlayerArrivalOptions,
  region: Region,
  arrive: (region: Region) => void,
): Promise<void> {
  const { fleet, world, speed, signal } = options;
  const meanSessionMs = (MEAN_SESSION_MINUTES * MINUTE_MS) / speed;
  const peakRatePerMs = (fleet.slotsIn(region.region) * PEAK_LOAD) / meanSessionMs;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const next = (): void => {
      timer = setTimeout(
        () => {
          const share = demandShare(world.localHour(region, options.dayMs())) / PEAK_SHARE;
          if (Math.random() < share) arrive(region);
          next();
        },
        drawArrivalInterval(peakRatePerMs, Math.random),
      );
    };
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
    next();
  });
}

const DEVICES: readonly { readonly platform: 'console' | 'pc'; readonly device: Device }[] = [
  { platform: 'console', device: { kind: 'console', codecs: ['hevc', 'h264'], maxResolution: '2160p' } },
  { platform: 'console', device: { kind: 'tv', codecs: ['hevc', 'h264'], maxResolution: '1080p' } },
  {
    platform: 'pc',
    device: { kind: 'pc', codecs: ['av1', 'hevc', 'h264'], maxResolution: '1440p', maxFps: 120 },
  },
];

function drawPlayer(
  options: PlayerArrivalOptions,
  home: Region,
  playerId: string,
): Parameters<typeof runPlayer>[0] {
  const { url, catalog, signer, world, figures, speed, signal } = options;
  const { platform, device } = pickRandom(DEVICES);
  const titles = [...catalog.pools.values()]
    .filter((pool) => pool.platform === platform)
    .flatMap((pool) => pool.titles);
  return {
    url,
    token: signer.sign({ kind: 'player', playerId }, TOKEN_MS),
    device,
    title: pickRandom(titles),
    platform,
    home,
    world,
    figures,
    playMs: (drawSessionMinutes(Math.random) * MINUTE_MS) / speed,
    signal,
  };
}

function pickRandom<T>(list: readonly T[]): T {
  const chosen = list[Math.floor(Math.random() * list.length)];
  if (chosen === undefined) throw new RangeError('The list to pick from is empty.');
  return chosen;
}
