import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { BUNDLED_COMMAND } from '../../../support/processes/broker-process.js';
import { TEST_CONFIG, TEST_ENV } from '../../../support/fleet/test-broker.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { retryUntilSuccess } from '../../../support/time/eventually.js';
import { startRedisServer } from '../../../support/redis/redis-server.js';
import { cpuSeconds, programFile, startBenchProcess, type BenchProcess } from './bench-process.js';

/** A server process. */
export interface Server extends BenchProcess {
  /** `ws://host:port` */
  readonly url: string;
  /** Milliseconds from its start until it was ready. */
  readonly readyAfterMs: number;
}

const START_DEADLINE_MS = 30_000;

/** Options of Node in the first line of the command. The floor and the bare sockets are started with the same. */
const NODE_ARGS = /^#!.* node (.*)$/m.exec(readFileSync(BUNDLED_COMMAND, 'utf8'))?.[1]?.split(' ') ?? [];

/** Options of a measured broker. */
export interface BrokerOptions {
  /** Absent: the broker keeps its state in memory. */
  readonly redisUrl?: string;
  readonly nodeArgs?: readonly string[];
  readonly probed?: boolean;
  /** Further sections of the configuration, in YAML. */
  readonly config?: string;
}

/** Starts a broker as operators do, with the configuration of the test fleets. Resolves when it is ready. */
export async function startBroker(options: BrokerOptions): Promise<Server> {
  const { redisUrl, nodeArgs = [], probed, config: more = '' } = options;
  const directory = await mkdtemp(join(tmpdir(), 'duskline-bench-'));
  const config = join(directory, 'duskline.yaml');
  await writeFile(config, TEST_CONFIG + more);
  const port = await freePort();
  const store = redisUrl === undefined ? [] : ['--redis', redisUrl];
  const broker = startBenchProcess({
    file: BUNDLED_COMMAND,
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
      if (!answer.ok) throw new Error(`The server is not ready: HTTP ${answer.status}.`);
    }, START_DEADLINE_MS);
  } catch (error) {
    await server.stop();
    throw new Error(`The server was not ready in time:\n${server.log.join('\n')}`, { cause: error });
  }
  return { ...server, url: `ws://127.0.0.1:${port}`, readyAfterMs: performance.now() - startedAtMs };
}

/** A Redis whose usage is measured. */
export interface MeasuredRedis {
  readonly url: string;
  readonly pid: number;
  cpuSeconds(): number;
  /** Bytes that Redis received from and sent to its clients since its start. */
  traffic(): Promise<{ readonly received: number; readonly sent: number }>;
  /** Memory of its data, in bytes. */
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
