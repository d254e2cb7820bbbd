import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { inContainers, launchRedis } from './redis-process.js';
import { createSharedResource } from '../shared-resource.js';
import { currentOwner, startFor } from '../processes/started-processes.js';

/** A Redis process on 127.0.0.1. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Stops the server and removes its directory. */
  stop(): Promise<void>;
  /** Kills the server. `restart` starts it again. */
  kill(): Promise<void>;
  /** Starts the server again on the same port, with the data that it had persisted. */
  restart(): Promise<void>;
  /** Freezes the server with its sockets open, as a swapping machine does. Not in a container. */
  freeze(): void;
  thaw(): void;
}

/** Options of `startRedisServer`. */
export interface RedisServerOptions {
  /** Persists every write at once, so that a restart restores it. Default: off. */
  readonly persistent?: boolean;
  /** Accepts TLS only, with these files. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  /** Further options of redis-server, such as `--cluster-enabled`. */
  readonly args?: readonly string[];
}

const PORT_ATTEMPTS = 5;

/** Starts Redis on a free port with an empty directory of its own. Resolves when it accepts connections. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-redis-'));
  let lastError: unknown;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const args = serverArgs(port, directory, options);
    try {
      const scheme = options.tls === undefined ? 'redis' : 'rediss';
      return createHandle(`${scheme}://127.0.0.1:${port}`, port, directory, args, await launchRedis(args));
    } catch (error) {
      // Another process may have taken the port meanwhile.
      lastError = error;
    }
  }
  await rm(directory, { recursive: true, force: true });
  throw lastError;
}

function createHandle(
  url: string,
  port: number,
  directory: string,
  args: string[],
  first: ChildProcess,
): RedisServer {
  let running: ChildProcess | undefined = first;
  // A server that belongs to a suite still belongs to it after a test has restarted it.
  const owner = currentOwner();
  const end = async (how: () => Promise<void> | void): Promise<void> => {
    const process = running;
    running = undefined;
    if (process?.exitCode !== null || process.signalCode !== null) return;
    const exited = once(process, 'exit');
    await how();
    await exited;
  };
  return {
    port,
    url,
    async stop() {
      const process = running;
      // A frozen process does not handle SIGTERM.
      process?.kill('SIGCONT');
      await end(() => void process?.kill('SIGTERM'));
      await rm(directory, { recursive: true, force: true });
    },
    async kill() {
      const process = running;
      await end(() => (inContainers() ? shutDown(port) : void process?.kill('SIGKILL')));
    },
    async restart() {
      running ??= await startFor(owner, () => launchRedis(args));
    },
    freeze: () => void running?.kill('SIGSTOP'),
    thaw: () => void running?.kill('SIGCONT'),
  };
}

function serverArgs(
  port: number,
  directory: string,
  { persistent = false, tls, args = [] }: RedisServerOptions,
): string[] {
  const files = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const listen =
    tls === undefined
      ? ['--port', String(port)]
      : ['--port', '0', '--tls-port', String(port), ...tlsArgs(tls)];
  // A new replica is synchronized at once. By default Redis waits five seconds for further replicas.
  const replication = ['--repl-diskless-sync-delay', '0'];
  return [
    ...['--bind', '127.0.0.1', ...listen, '--dir', directory, '--save', ''],
    ...[...files, ...replication, ...args],
  ];
}

function tlsArgs({ certFile, keyFile, caFile }: NonNullable<RedisServerOptions['tls']>): string[] {
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
  return [...files, '--tls-auth-clients', 'yes'];
}

/** A container is not a child process: only Redis itself can end it at once. */
async function shutDown(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  await redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
  redis.disconnect();
}

const shared = createSharedResource(() => startRedisServer());

/** The Redis that tests share. Use keys with your own prefix. */
export function sharedRedis(): Promise<RedisServer> {
  return shared.get();
}

/** A key prefix that no other test uses. */
export function uniquePrefix(): string {
  return `test-${randomUUID()}`;
}
