import {
  DusklineError,
  createClient,
  type Client,
  type ClientOptions,
  type QueueState,
} from '@duskline/client/node';
import type { Region } from '../../domain/catalog.js';
import { watchStream } from '@duskline/host/simulated';
import type { DemoStatistics } from './demo-figures.js';
import type { DemoRegions } from './demo-regions.js';

export interface DemoPlayerOptions {
  readonly url: string;
  readonly token: string;
  readonly device: ClientOptions['device'];
  readonly title: string;
  readonly platform: 'console' | 'pc';
  readonly home: Region;
  readonly world: DemoRegions;
  readonly figures: DemoStatistics;
  readonly playMs: number;
  /** Ends the visit early. */
  readonly signal: AbortSignal;
}

/** A player measures its nearest regions only. */
const MEASURED_REGIONS = 5;

/** A player gives up after this time. The figures count it as refused, with the code `GAVE_UP`. */
const MAX_QUEUE_WAIT_MS = 5_000;
const GAVE_UP = 'GAVE_UP';

/**
 * One visit of a player, through the SDK and real sockets: connect, measure, play, watch, leave. Only the round-trip times
 * are simulated, from the distance between the player's city and the region.
 */
export async function runPlayer(options: DemoPlayerOptions): Promise<void> {
  const { url, token, device, home, world, figures } = options;
  figures.countPlayer();
  const client = createClient({
    url,
    token,
    device,
    location: home,
    // Each sample is the round-trip time of the distance, with up to 10 % noise.
    probe: ({ region }) => Promise.resolve(sampleRtt(world, home, region)),
  });
  try {
    await playSession(client, options);
  } catch (error) {
    if (!(error instanceof DusklineError)) throw error;
    if (!options.signal.aborted) figures.countRefused(error.code === 'ABORTED' ? GAVE_UP : error.code);
  } finally {
    await client.close();
  }
}

async function playSession(client: Client, options: DemoPlayerOptions): Promise<void> {
  const { title, platform, figures, signal } = options;
  const rtt = await client.measureRegions({ limit: MEASURED_REGIONS, signal });
  const startedAt = performance.now();
  const waited: QueueState[] = [];
  const session = await withQueueDeadline(signal, (deadline) =>
    client.play({
      title,
      platform,
      rtt,
      signal: deadline,
      onQueued: (state) => {
        if (waited.push(state) === 1) figures.countQueued();
      },
    }),
  );
  const tookMs = waited.length > 0 ? undefined : performance.now() - startedAt;
  const bestRttMs = Math.min(...Object.values(rtt));
  figures.recordMatch(session.region, tookMs, session.rttMs ?? bestRttMs, bestRttMs);

  await new Promise<void>((resolve) => {
    const viewer = watchStream(session.host.endpoint, session.ticket, {
      admitted: () => undefined,
      frame: () => undefined,
      closed: () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        resolve();
      },
    });
    const leave = (): void => viewer.leave();
    const timer = setTimeout(leave, options.playMs);
    signal.addEventListener('abort', leave);
  });
}

/** Waits with a signal that aborts after `MAX_QUEUE_WAIT_MS`, or when `signal` does. */
async function withQueueDeadline<T>(
  signal: AbortSignal,
  wait: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const giveUp = (): void => deadline.abort();
  const timer = setTimeout(giveUp, MAX_QUEUE_WAIT_MS);
  signal.addEventListener('abort', giveUp);
  try {
    return await wait(deadline.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function sampleRtt(world: DemoRegions, home: Region, regionId: string): number {
  const region = world.regions.find((known) => known.region === regionId);
  if (region === undefined) throw new Error(`The demo has no region ${regionId}.`);
  return world.rttMs(home, region) * (1 + Math.random() * 0.1);
}
