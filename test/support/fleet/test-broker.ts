import { createHash, createSecretKey } from 'node:crypto';
import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import { createTokenSigner, type TokenRequest } from '@duskline/server/auth/token-signer.js';
import type { Config } from '@duskline/server/config/config.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { startDuskline, type Duskline } from '@duskline/server/duskline.js';
import type { BrokerIntervals } from '@duskline/server/broker/intervals.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { aheadOf } from '../time/clock-ahead.js';
import { waitUntil } from '../time/eventually.js';
import { Peer, type Frame } from './peer.js';

const AUTH_SECRET = 'a secret for tests, of more than thirty-two bytes';

/** Secrets of test fleets. */
export const TEST_ENV = {
  DUSKLINE_AUTH_SECRET: AUTH_SECRET,
  DUSKLINE_TICKET_MASTER_KEY: createHash('sha256').update('tickets of test fleets').digest('base64'),
};

/** Two regions in Europe and one in Asia, each with a console pool and a PC pool. */
export const TEST_CONFIG = `
version: 1
regions:
  - { region: near, name: Near, lat: 50, lon: 8, timeZone: Europe/Berlin }
  - { region: next, name: Next, lat: 53, lon: -6, timeZone: Europe/Dublin }
  - { region: far, name: Far, lat: 35, lon: 139, timeZone: Asia/Tokyo }
pools:
  - { pool: console-x, platform: console, codecs: [hevc, h264], maxResolution: 2160p, maxFps: 60, titles: [starfall, drift] }
  - { pool: pc-ultra, platform: pc, codecs: [av1, hevc, h264], maxResolution: 1440p, maxFps: 120, titles: [starfall, circuit] }
titles:
  - { title: starfall, name: Starfall, latencyPolicy: standard }
  - { title: drift, name: Drift, latencyPolicy: standard }
  - { title: circuit, name: Circuit, latencyPolicy: standard }
latencyPolicies:
  standard:
    - { afterMs: 0, maxRttMs: 60 }
    - { afterMs: 20000, maxRttMs: 90 }
    - { afterMs: 40000, maxRttMs: 120 }
auth: { algorithms: [HS256] }
store: {}
listen: { host: 127.0.0.1, port: 0 }
`;

const signer = createTokenSigner({ key: createSecretKey(Buffer.from(AUTH_SECRET)), algorithm: 'HS256' });

/** A token of the test fleets, valid for an hour. */
export function testToken(request: TokenRequest): string {
  return signer.sign(request, 3_600_000);
}

/** Options of `startTestBroker`. */
export interface TestBrokerOptions {
  readonly store?: FleetStore;
  readonly limits?: Partial<Config['limits']>;
  readonly config?: string;
  /** Default: the intervals of the product. `SHORT_INTERVALS` shortens tests that wait for an interval. */
  readonly intervals?: Partial<BrokerIntervals>;
  /** Secrets besides those of every test fleet. */
  readonly env?: Readonly<Record<string, string>>;
  /** How far the wall clock of the broker is ahead of that of this machine, and of Redis. */
  readonly aheadMs?: number;
}

/** Short intervals: a tenth of the default, more where a store has to answer meanwhile. */
export const SHORT_INTERVALS: BrokerIntervals = {
  pollMs: 100,
  queuePollMs: 102,
  positionMs: 100,
  minRebuildMs: 1_000,
  requestGraceMs: 1_000,
  moveGraceMs: 100,
};

/** A real broker on a real port, with its state in memory unless told otherwise. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<Duskline> {
  const config = loadConfig({ text: options.config ?? TEST_CONFIG, env: { ...TEST_ENV, ...options.env } });
  return startDuskline({
    // Few peers are connected, so that their reconnects need not be spread over time.
    config: { ...config, limits: { ...config.limits, goAwaySpreadMs: 0, ...options.limits } },
    log: failOnError,
    ...(options.intervals === undefined ? {} : { intervals: options.intervals }),
    ...(options.store === undefined ? {} : { store: options.store }),
    ...(options.aheadMs === undefined
      ? {}
      : { runtime: { ...systemRuntime, clock: aheadOf(systemRuntime.clock, options.aheadMs) } }),
  });
}

/** An error that a broker logs is a defect of the broker: it fails the test run. */
export const failOnError = {
  error(fields: object, message: string): void {
    const { err } = fields as { err?: unknown };
    void Promise.reject(err instanceof Error ? err : new Error(`${message} ${JSON.stringify(fields)}`));
  },
  warn: (): void => undefined,
  info: (): void => undefined,
  debug: (): void => undefined,
};

/** Device of the players of test fleets, which fits the console pools. */
export const TEST_DEVICE = { kind: 'console', codecs: ['hevc', 'h264'], maxResolution: '2160p' } as const;

/** Connects a player. Resolves after `welcome`. */
export async function openPlayer(url: string, playerId: string, device: object = TEST_DEVICE): Promise<Peer> {
  const peer = await Peer.open(url, CLIENT_PATH);
  peer.send({ type: 'hello', token: testToken({ kind: 'player', playerId }), device });
  await peer.next('welcome');
  return peer;
}

/** Options of `openHost`. By default region `near`, pool `console-x` and four slots. */
export interface TestHostOptions {
  readonly hostId: string;
  readonly region?: string;
  readonly pool?: string;
  readonly slots?: number;
  readonly sessions?: readonly object[];
}

/** Load of a host without work. */
export const IDLE_LOAD = { gpu: 0, encoder: 0, cpu: 0, network: 0 };

/** Connects and registers a host. The host sends heartbeats only when the test does. */
export async function openHost(url: string, options: TestHostOptions): Promise<Peer & { registered: Frame }> {
  const { hostId, region = 'near', pool = 'console-x', slots = 4, sessions = [] } = options;
  const peer = await Peer.open(url, HOST_PATH, { token: testToken({ kind: 'host', region, pool }) });
  const endpoint = `ws://127.0.0.1:1/stream/${hostId}`;
  peer.send({ type: 'register', hostId, region, pool, slots, endpoint, sessions });
  const registered = await peer.next('registered');
  return Object.assign(peer, { registered });
}

/** Connects a host, and waits until it is ready: registered, and its first heartbeat is in the store. */
export async function openReadyHost(
  duskline: Duskline,
  options: TestHostOptions,
): Promise<Peer & { registered: Frame }> {
  const host = await openHost(duskline.url, options);
  host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: options.sessions ?? [] });
  const { region = 'near', pool = 'console-x' } = options;
  await waitUntil(async () => {
    const status = await duskline.broker.status();
    const found = status.regions
      .find((known) => known.region === region)
      ?.pools.find((known) => known.pool === pool)
      ?.hostList.find((known) => known.hostId === options.hostId);
    return found?.state === 'ready';
  });
  return host;
}
