import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { createShared } from './shared.js';

/** A Redis process of our own on 127.0.0.1. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends it in order and removes its directory. */
  stop(): Promise<void>;
  /** Ends it without warning; `restart` brings it back. */
  kill(): Promise<void>;
  /** Starts it again on the same port. It knows what it had written down. */
  restart(): Promise<void>;
}

export interface RedisServerOptions {
  /** Writes everything down at once, so that a restart brings it back. Off when absent. */
  readonly persistent?: boolean;
  /** More of redis-server's options, such as `--cluster-enabled`. */
  readonly args?: readonly string[];
}

const START_DEADLINE_MS = 10_000;
const PORT_ATTEMPTS = 5;

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-redis-'));
  let lastError: unknown;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const args = serverArgs(port, directory, options);
    try {
      return createHandle(port, directory, args, await launch(args));
    } catch (error) {
      // Somebody else may have taken the port meanwhile.
      lastError = error;
    }
  }
  await rm(directory, { recursive: true, force: true });
  throw lastError;
}

function createHandle(port: number, directory: string, args: string[], first: ChildProcess): RedisServer {
  let running: ChildProcess | undefined = first;
  const end = async (how: () => Promise<void> | void): Promise<void> => {
    const process = running;
    running = undefined;
    if (process === undefined) return;
    const exited = once(process, 'exit');
    await how();
    await exited;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      const process = running;
      await end(() => void process?.kill('SIGTERM'));
      await rm(directory, { recursive: true, force: true });
    },
    async kill() {
      const process = running;
      await end(() =>
        serverCommand().command === 'docker' ? shutDown(port) : void process?.kill('SIGKILL'),
      );
    },
    async restart() {
      running ??= await launch(args);
    },
  };
}

function serverArgs(
  port: number,
  directory: string,
  { persistent = false, args = [] }: RedisServerOptions,
): string[] {
  const files = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const network = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory];
  return [...network, '--save', '', ...files, ...args];
}

/** Starts a server and waits until it says that it takes connections. */
async function launch(args: readonly string[]): Promise<ChildProcess> {
  const server = serverCommand();
  const process = spawn(server.command, [...server.args, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: process.stdout }).on('line', (line) => {
      lines.push(line);
      if (/ready to accept connections/i.test(line)) resolve();
    });
    process.once('error', reject);
    process.once('exit', () => reject(new Error(`Redis did not start:\n${lines.join('\n')}`)));
  });
  const deadline = setTimeout(() => process.kill('SIGKILL'), START_DEADLINE_MS);
  try {
    await ready;
  } finally {
    clearTimeout(deadline);
  }
  return process;
}

/** A container is not our child: only Redis itself can end it at once. */
async function shutDown(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  await redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
  redis.disconnect();
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** What `scripts/ensure-redis.mjs` found. */
export function serverCommand(): ServerCommand {
  const record = new URL('../../../node_modules/.cache/duskline/redis-server.json', import.meta.url);
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as ServerCommand;
  } catch (cause) {
    throw new Error('No Redis server is known: run `node scripts/ensure-redis.mjs` first.', { cause });
  }
}

const shared = createShared(() => startRedisServer());

/** The one Redis that tests share which only need "a Redis": keep to keys of your own prefix. */
export function sharedRedis(): Promise<RedisServer> {
  return shared.get();
}

/** A key prefix that no other test has. */
export function uniquePrefix(): string {
  return `test-${randomUUID()}`;
}
