import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { waitUntil } from '../time/eventually.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { launchRedis } from './redis-process.js';
import { startRedisServer, type RedisServer } from './redis-server.js';

/** One primary, one replica, and three Sentinels that watch them and agree by two. */
export interface RedisSentinel {
  /** Name of the primary in the Sentinels. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** Both servers; the initial primary is the first. */
  readonly servers: readonly [RedisServer, RedisServer];
  /** The primary according to the Sentinels. */
  primaryUrl(): Promise<string>;
  /** Kills the current primary. The other server takes over within a few seconds. */
  killPrimary(): Promise<RedisServer>;
  /** Freezes the primary: its sockets stay open without answers. The other server takes over. */
  freezePrimary(): Promise<RedisServer>;
  /** Resolves when the Sentinels report another primary, and it accepts writes. */
  failedOverFrom(old: RedisServer): Promise<void>;
  /**
   * Disconnects the replica from its primary: later writes are acknowledged, and lost when the replica takes over. Fail over
   * within a few seconds: Sentinel does not choose a replica that was disconnected for longer.
   */
  freezeReplication(): Promise<void>;
  thawReplication(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'duskline';
const SENTINELS = 3;
const DOWN_AFTER_MS = 1_000;
/** A failed election is repeated after twice this time. */
const FAILOVER_TIMEOUT_MS = 3_000;
const READY_DEADLINE_MS = 20_000;
const FAILOVER_DEADLINE_MS = 30_000;

/** Starts them and waits until every Sentinel knows of the replica and of the other Sentinels. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-sentinel-'));
  const primary = await startRedisServer();
  const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  const sentinels: { readonly port: number; readonly process: ChildProcess }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(sentinels.map(({ process }) => end(process)));
    await Promise.all([primary.stop(), replica.stop()]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < SENTINELS; i += 1) sentinels.push(await startSentinel(directory, primary.port));
    await Promise.all(sentinels.map(({ port }) => shortenPeriods(port)));
    await waitUntil(async () => {
      const views = await Promise.all(sentinels.map(({ port }) => viewOf(port)));
      return views.every((view) => view['num-slaves'] === '1' && view['num-other-sentinels'] === '2');
    }, READY_DEADLINE_MS);
    await waitForReplica(primary.port, replica.port);
  } catch (error) {
    await stop();
    throw error;
  }

  const primaryPort = async (): Promise<number> => Number((await viewOf(sentinels[0]!.port))['port']);
  const current = async (): Promise<RedisServer> =>
    (await primaryPort()) === primary.port ? primary : replica;

  return {
    name: NAME,
    sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    servers: [primary, replica],
    primaryUrl: async () => (await current()).url,
    async killPrimary() {
      const server = await current();
      await server.kill();
      return server;
    },
    async freezePrimary() {
      const server = await current();
      server.freeze();
      return server;
    },
    async failedOverFrom(old) {
      await waitUntil(async () => {
        const port = await primaryPort();
        return port !== old.port && (await roleOf(port)) === 'master';
      }, FAILOVER_DEADLINE_MS);
    },
    async freezeReplication() {
      const source = await current();
      const copy = source === primary ? replica : primary;
      // A wrong password, because Sentinel would correct a replica that follows another primary.
      await ask(copy.port, ['CONFIG', 'SET', 'masteruser', 'nobody', 'masterauth', 'wrong']);
      await waitForReplica(source.port, copy.port);
      await ask(source.port, ['CLIENT', 'KILL', 'TYPE', 'replica']);
    },
    async thawReplication() {
      const copy = (await current()) === primary ? replica : primary;
      await ask(copy.port, ['CONFIG', 'SET', 'masteruser', '', 'masterauth', '']);
    },
    stop,
  };
}

async function startSentinel(
  directory: string,
  primaryPort: number,
): Promise<{ port: number; process: ChildProcess }> {
  const port = await freePort();
  const file = join(directory, `sentinel-${port}.conf`);
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_TIMEOUT_MS}`,
    `sentinel parallel-syncs ${NAME} 1`,
  ];
  // Sentinel keeps what it learns in its configuration file.
  await writeFile(file, `${settings.join('\n')}\n`);
  return { port, process: await launchRedis([file, '--sentinel'], /Sentinel ID is|\+monitor/) };
}

/** Sentinels poll each other and their servers every second or two. Their debug settings shorten it. */
async function shortenPeriods(port: number): Promise<void> {
  const periods = ['INFO-PERIOD', 'PING-PERIOD', 'ASK-PERIOD', 'PUBLISH-PERIOD', 'DEFAULT-DOWN-AFTER'];
  const settings = periods.flatMap((name) => [name, name === 'DEFAULT-DOWN-AFTER' ? '1000' : '200']);
  // Redis 6 has no such settings: discovery then takes longer.
  await ask(port, ['SENTINEL', 'DEBUG', ...settings]).catch(() => undefined);
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const exited = once(process, 'exit');
  process.kill('SIGTERM');
  await exited;
}

/** State of the primary according to a Sentinel. */
async function viewOf(port: number): Promise<Record<string, string>> {
  const fields = (await ask(port, ['SENTINEL', 'MASTER', NAME])) as string[] | Record<string, string>;
  if (!Array.isArray(fields)) return fields;
  return Object.fromEntries(
    fields.flatMap((field, i) => (i % 2 === 0 ? [[field, fields[i + 1] ?? '']] : [])),
  );
}

/** Waits until the replica has all writes that the primary has now. */
async function waitForReplica(primaryPort: number, replicaPort: number): Promise<void> {
  const offset = await replicationField(primaryPort, 'master_repl_offset');
  await waitUntil(async () => {
    const copied = await replicationField(replicaPort, 'slave_repl_offset');
    return copied >= offset && (await replicationField(replicaPort, 'master_sync_in_progress')) === 0;
  }, READY_DEADLINE_MS);
}

async function replicationField(port: number, field: string): Promise<number> {
  const info = String(await ask(port, ['INFO', 'replication']));
  return Number(new RegExp(`${field}:(\\d+)`).exec(info)?.[1] ?? -1);
}

async function roleOf(port: number): Promise<string> {
  const role = (await ask(port, ['ROLE'])) as string[];
  return role[0] ?? '';
}

async function ask(port: number, command: readonly string[]): Promise<unknown> {
  const redis = new Redis(port, '127.0.0.1', {
    retryStrategy: () => null,
    commandTimeout: 2_000,
    lazyConnect: true,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const [name = '', ...args] = command;
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}
