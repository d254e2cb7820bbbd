import { createSecretKey, randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createTokenSigner } from '../../auth/token-signer.js';
import { developmentConfig } from '../../config/development-config.js';
import { AUTH_SECRET } from '../../config/secrets.js';
import { startDuskline } from '../../duskline.js';
import { createLogger } from '../serve/create-logger.js';
import { runPlayerArrivals } from './player-arrivals.js';
import { DemoStatistics, type DemoFigures } from './demo-figures.js';
import { startDemoFleet } from './demo-fleet.js';
import { createLiveView, createPlainView } from './demo-view.js';
import { createDemoRegions } from './demo-regions.js';

export interface DemoOptions {
  /** Length of the run in seconds; absent: until `signal` aborts. */
  readonly seconds?: number;
  /** Length of the simulated day in seconds. */
  readonly daySeconds: number;
  /** Hour of the day, in UTC, at which the run begins. */
  readonly startHour: number;
  readonly hosts: number;
  /** Whether standard output is a terminal, on which a table refreshes in place. */
  readonly live: boolean;
  /** Writes plain lines, when `live` is false. */
  readonly write: (line: string) => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** A weekday in spring, so that some time zones have daylight saving time. */
const DEMO_DAY = Date.UTC(2026, 3, 15);

const LIVE_INTERVAL_MS = 500;
const PLAIN_INTERVAL_MS = 5_000;

/** Runs a broker, hosts and players in this process, over real sockets, and returns their figures. */
export async function runDemo(options: DemoOptions): Promise<DemoFigures> {
  const secret = randomBytes(48).toString('base64');
  const config = developmentConfig({ [AUTH_SECRET]: secret }, [
    { path: ['listen', 'port'], value: 0 },
    { path: ['log', 'level'], value: 'error' },
    { path: ['limits', 'goAwaySpreadMs'], value: 0 },
  ]);
  const signer = createTokenSigner({ key: createSecretKey(Buffer.from(secret)), algorithm: 'HS256' });
  const duskline = await startDuskline({ config, log: createLogger(config.log.level) });
  const url = duskline.url.replace('http', 'ws');
  const speed = DAY_MS / (options.daySeconds * 1000);
  const { catalog } = config;
  const fleet = await startDemoFleet({ url, catalog, signer, hosts: options.hosts, speed });

  const world = createDemoRegions(catalog, DEMO_DAY);
  const figures = new DemoStatistics();
  const startedAt = performance.now();
  const dayMs = (): number => options.startHour * HOUR_MS + (performance.now() - startedAt) * speed;
  const view = options.live
    ? createLiveView(world, fleet, figures, duskline.url)
    : createPlainView(world, fleet, figures, options.write);

  const over = endAfter(options.seconds, options.signal);
  const draw = setInterval(() => view.update(dayMs()), options.live ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS);
  const sample = setInterval(() => {
    const sessions = world.regions.reduce((sum, { region }) => sum + fleet.sessionsIn(region), 0);
    figures.recordSample(fleet.hottestOverMean(), sessions / fleet.slots);
  }, LIVE_INTERVAL_MS);
  try {
    await runPlayerArrivals({ url, catalog, signer, world, fleet, figures, dayMs, speed, signal: over });
  } finally {
    clearInterval(draw);
    clearInterval(sample);
    view.close();
  }
  const result = figures.summarise({
    store: config.store.kind,
    regions: world.regions.length,
    hosts: fleet.hosts,
    slots: fleet.slots,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    overbooked: fleet.overbooked,
  });
  await fleet.stop();
  await duskline.stop();
  return result;
}

/** Returns a signal that aborts after `seconds`, or when `signal` does. */
function endAfter(seconds: number | undefined, signal: AbortSignal): AbortSignal {
  const over = new AbortController();
  // Every player adds a listener.
  setMaxListeners(0, over.signal);
  const timer = seconds === undefined ? undefined : setTimeout(() => over.abort(), seconds * 1000);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    over.abort();
  });
  return over.signal;
}
