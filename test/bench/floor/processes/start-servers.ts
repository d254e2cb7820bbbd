import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { BUNDLED } from '../../../support/processes/broker-process.js';
import { TEST_CONFIG, TEST_ENV } from '../../../support/fleet/test-broker.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { retryUntilSuccess } from '../../../support/eventually.js';
import { startRedisServer } from '../../../support/redis/redis-server.js';
import { cpuSeconds, programFile, startBenchProcess, type BenchProcess } from './bench-process.js';

/** A process that listens. */
export interface Server extends BenchProcess {
  /** `ws://host:port` */
  readonly url: string;
  /** From its start until it answered that it is ready. */
  readonly readyAfterMs: number;
}

const START_DEADLINE_MS = 30_000;

/** How Node is started for the command, as its first line says; the floor and bare sockets have the same. */
const NODE_ARGS = /^#!.* node (.*)$/m.exec(readFileSync(BUNDLED, 'utf8'))?.[1]?.split(' ') ?? [];

/** How a broker of a measurement is started. */
export interface BrokerOptions {
  /** In memory when absent. */
  readonly redisUrl?: string;
  readonly nodeArgs?: readonly string[];
  readonly probed?: boolean;
  /** More of the configuration, in YAML. */
  readonly config?: string;
}

/** The command itself, as operators start it, on the configuration of the test fleets. Resolves when it is ready. */
export async function startBroker(options: BrokerOptions): Promise<Server> {
  const { redisUrl, nodeArgs = [], probed, config: more = '' } = options;
  const directory = await mkdtemp(join(tmpdir(), 'duskline-bench-'));
  const config = join(directory, 'duskline.yaml');
  await writeFile(config, TEST_CONFIG + more);
  const port = await freePort();
  const store = redisUrl === undefined ? [] : ['--redis', redisUrl];
  const broker = startBenchProcess({
    file: BUNDLED,
    args: ['serve', '--config', config, '--port', String(port), '--log-level', 'warn', ...store],
    env: TEST_ENV,
    nodeArgs: [...NODE_ARGS, ...nodeArgs],
    ...(probed === undefined ? {} : { probed }),
  });
  const server = await whenReady(broker, port, '/readyz');
  await rm(directory, { recursive: true });
  return server;
}

export async function startFloor(redisUrl: string): Promise<Server> {
  const port = await freePort();
  const args = [String(port), redisUrl];
  const floor = startBenchProcess({
    file: programFile('floor-server'),
    args,
    nodeArgs: NODE_ARGS,
    probed: true,
  });
  return whenReady(floor, port, '/');
}

export async function startBareSockets(nodeArgs: readonly string[] = []): Promise<Server> {
  const port = await freePort();
  const args = [String(port)];
  const bare = startBenchProcess({
    file: programFile('bare-sockets'),
    args,
    nodeArgs: [...NODE_ARGS, ...nodeArgs],
    probed: true,
  });
  return whenReady(bare, port, '/');
}

async function whenReady(server: BenchProcess, port: number, path: string): Promise<Server> {
  const startedAtMs = performance.now();
  try {
    await retryUntilSuccess(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`not ready: ${answer.status}`);
    }, START_DEADLINE_MS);
  } catch (error) {
    await server.stop();
    throw new Error(`did not start:\n${server.log.join('\n')}`, { cause: error });
  }
  return { ...server, url: `ws://127.0.0.1:${port}`, readyAfterMs: performance.now() - startedAtMs };
}

/** A Redis of a measurement. */
export interface MeasuredRedis {
  readonly url: string;
  readonly pid: number;
  cpuSeconds(): number;
  /** Bytes that clients sent to it and got from it so far. */
  traffic(): Promise<{ readonly received: number; readonly sent: number }>;
  /** Memory that its data takes, in bytes. */
  usedBytes(): Promise<number>;
  stop(): Promise<void>;
}

export async function startMeasuredRedis(): Promise<MeasuredRedis> {
  const server = await startRedisServer();
  const probe = new Redis(server.url);
  const read = async (name: string): Promise<number> => {
    const info = await probe.info();
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  };
  const pid = await read('process_id');
  return {
    url: server.url,
    pid,
    cpuSeconds: () => cpuSeconds(pid),
    traffic: async () => ({
      received: await read('total_net_input_bytes'),
      sent: await read('total_net_output_bytes'),
    }),
    usedBytes: () => read('used_memory'),
    async stop() {
      probe.disconnect();
      await server.stop();
    },
  };
}

export function startLoadGenerator(): BenchProcess {
  return startBenchProcess({ file: programFile('load-generator') });
}
