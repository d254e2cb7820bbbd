import { readFileSync } from 'node:fs';
import { parseAssertion } from '@duskline/loadtest/plan/assertions.js';
import type { Driver } from '@duskline/loadtest/plan/driver.js';
import { parseDurationMs } from '@duskline/loadtest/plan/duration.js';
import { parseFault } from '@duskline/loadtest/plan/faults.js';
import type { Profile } from '@duskline/loadtest/plan/profile.js';
import type {
  RunOptions,
  SpawnedSystem,
  TokenSigner,
  RunningSystem,
} from '@duskline/loadtest/run/run-options.js';
import type { Codec, DeviceKind, Resolution } from '@duskline/protocol/vocabulary';
import { KeyMaterialError, secretKeyFrom } from '../../auth/key-material.js';
import { createTokenSigner } from '../../auth/token-signer.js';
import { AUTH_SECRET, type Environment } from '../../config/secrets.js';
import { CommandFailure } from '../output/command-failure.js';

/** The options of `duskline loadtest`, as commander reads them. */
export interface LoadTestCommandOptions {
  readonly url?: string[];
  readonly spawn?: number;
  readonly redis?: string;
  readonly limit?: string[];
  readonly regions: number;
  readonly title?: string;
  readonly pool?: string;
  readonly tokenFile?: string;
  readonly driver: Driver;
  readonly workers: number;
  readonly hosts?: number;
  readonly slots: number;
  readonly clients: number;
  readonly rate: number;
  readonly profile: Profile;
  readonly duration: string;
  readonly session?: string;
  readonly connectRate?: number;
  readonly fault?: string[];
  readonly seed: number;
  readonly saturationP99: string;
  readonly movable: number;
  readonly device: DeviceKind;
  readonly codecs: Codec[];
  readonly resolution: Resolution;
  readonly assert?: string[];
  readonly json?: string;
  readonly html?: string;
}

/** Validity of the tokens of a run: longer than the longest run. */
const TOKEN_MS = 24 * 3_600_000;

const HOSTS = 200;

/** A broker that is not busy admits about so many clients a second from the start. */
const CONNECTIONS_PER_BROKER = 100;

const MAX_DURATION_MS = 4 * 3_600_000;

/** The command that starts a broker: this executable. */
const SERVE = [...process.argv.slice(0, 2), 'serve'];

/**
 * @param given names of the options on the command line, without those that have their default
 * @throws CommandFailure for the first invalid option
 */
export function parseRunOptions(
  options: LoadTestCommandOptions,
  env: Environment,
  given: ReadonlySet<string> = new Set(),
): RunOptions {
  checkTogether(options, given);
  const { driver, workers, slots, clients, profile, seed, device, codecs, resolution } = options;
  const { fault = [], assert = [] } = options;
  const system = readSystem(options, env);
  const hosts = options.hosts ?? (system.kind === 'spawn' || canSimulateHosts(system) ? HOSTS : 0);
  if (hosts > 0 && system.kind === 'url' && !canSimulateHosts(system)) {
    throw new CommandFailure(
      `To simulate hosts, give their --pool and set ${AUTH_SECRET} to the brokers' secret. With --hosts 0 the run uses the hosts that are registered already.`,
    );
  }
  return {
    ...{ system, driver, workers, hosts, slots, clients, profile, seed },
    ratePerSecond: options.rate,
    durationMs: readSpan('--duration', options.duration, 500, MAX_DURATION_MS),
    ...(options.session === undefined
      ? {}
      : { sessionMs: readSpan('--session', options.session, 50, MAX_DURATION_MS) }),
    connectPerSecond: options.connectRate ?? CONNECTIONS_PER_BROKER * brokersOf(system),
    device: { kind: device, codecs, maxResolution: resolution },
    movableShare: options.movable / 100,
    faults: fault.flatMap((text) => text.split(',')).map((text) => orFail(() => parseFault(text))),
    saturationP99Ms: readSpan('--saturation-p99', options.saturationP99, 1, 60_000),
    assertions: assert.map((text) => orFail(() => parseAssertion(text))),
  };
}

/** @throws CommandFailure for an option that has no effect together with another one */
function checkTogether({ profile, url, hosts }: LoadTestCommandOptions, given: ReadonlySet<string>): void {
  const rejectIdle = (name: string, why: string): void => {
    if (given.has(name)) throw new CommandFailure(`--${name} has no effect here: ${why}. Remove it.`);
  };
  if (profile !== 'step') rejectIdle('saturation-p99', 'it needs --profile step');
  if (profile === 'storm') {
    rejectIdle('rate', 'with --profile storm all --clients arrive at once');
    rejectIdle('connect-rate', 'with --profile storm all --clients connect at once');
  }
  if (url !== undefined) rejectIdle('regions', 'with --url the regions are those of the brokers');
  if (hosts === 0) rejectIdle('slots', 'with --hosts 0 the run simulates no hosts');
}

function readSystem(options: LoadTestCommandOptions, env: Environment): SpawnedSystem | RunningSystem {
  const { url, spawn, redis, regions, title, pool, tokenFile, limit = [] } = options;
  if (url === undefined && spawn === undefined) {
    throw new CommandFailure(
      'The brokers are missing: give --spawn 1 to start a broker for the run, or --url URL to load running brokers.',
    );
  }
  if (url === undefined) {
    if (title !== undefined || pool !== undefined || tokenFile !== undefined) {
      throw new CommandFailure(
        '--title, --pool and --token-file need --url: brokers of --spawn have their own title, pool and tokens.',
      );
    }
    return {
      kind: 'spawn',
      brokers: spawn ?? 1,
      command: SERVE,
      regions,
      ...(redis === undefined ? {} : { redisUrl: redis }),
      limits: Object.fromEntries(limit.map(readLimit)),
      createSigner: (secret) => createRunTokenSigner(secret),
    };
  }
  if (spawn !== undefined || redis !== undefined || limit.length > 0) {
    throw new CommandFailure(
      '--spawn, --redis and --limit cannot be used with --url, which loads brokers that run already.',
    );
  }
  for (const each of url) {
    const { protocol = '' } = URL.canParse(each) ? new URL(each) : {};
    if (/^(ws|http)s?:$/.test(protocol)) continue;
    throw new CommandFailure(
      `--url ${each} is not a URL of a broker. It must have the form ws://127.0.0.1:8080.`,
    );
  }
  if (title === undefined)
    throw new CommandFailure('--url needs --title TITLE: the title that the players request.');
  const secret = env[AUTH_SECRET];
  const hasSecret = secret !== undefined && secret !== '';
  if (!hasSecret && tokenFile === undefined) {
    throw new CommandFailure(
      `Players need tokens: set ${AUTH_SECRET} to the brokers' secret, or give --token-file FILE with a token on each line, each of another player.`,
    );
  }
  return {
    kind: 'url',
    urls: url,
    title,
    ...(pool === undefined ? {} : { pool }),
    ...(hasSecret ? { tokens: createRunTokenSigner(secret) } : {}),
    ...(tokenFile === undefined ? {} : { playerTokens: readTokens(tokenFile) }),
  };
}

function brokersOf(system: SpawnedSystem | RunningSystem): number {
  return system.kind === 'spawn' ? system.brokers : system.urls.length;
}

function canSimulateHosts({ pool, tokens }: RunningSystem): boolean {
  return pool !== undefined && tokens !== undefined;
}

/** Signs tokens as `duskline token` does. */
function createRunTokenSigner(secret: string): TokenSigner {
  const signer = createTokenSigner({ key: keyOf(secret), algorithm: 'HS256' });
  return {
    player: (playerId) => signer.sign({ kind: 'player', playerId }, TOKEN_MS),
    host: (region, pool) => signer.sign({ kind: 'host', region, pool }, TOKEN_MS),
    operator: () =>
      signer.sign({ kind: 'operator', operatorId: 'loadtest', scopes: ['ops:read', 'ops:write'] }, TOKEN_MS),
  };
}

function keyOf(secret: string): ReturnType<typeof secretKeyFrom> {
  try {
    return secretKeyFrom(Buffer.from(secret, 'utf8'));
  } catch (error) {
    if (error instanceof KeyMaterialError) throw new CommandFailure(`${AUTH_SECRET} ${error.message}.`);
    throw error;
  }
}

function readTokens(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}

function readLimit(text: string): [string, number] {
  const parts = /^(?<key>[A-Za-z]+)=(?<value>\d+)$/.exec(text)?.groups;
  if (parts === undefined) {
    throw new CommandFailure(
      `--limit ${text} is not valid. Give a key of the section limits and a whole number, such as lostAfterMs=4000.`,
    );
  }
  return [parts['key'] ?? '', Number(parts['value'])];
}

function readSpan(option: string, text: string, minMs: number, maxMs: number): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < minMs || ms > maxMs) {
    throw new CommandFailure(
      `${option} ${text} is not valid. Give a time such as 500ms, 30s or 5m, from ${minMs} ms to ${maxMs / 1_000} s.`,
    );
  }
  return ms;
}

function orFail<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new CommandFailure(error.message);
    throw error;
  }
}
