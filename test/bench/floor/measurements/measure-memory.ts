import { setTimeout as delay } from 'node:timers/promises';
import type { IdleOrder } from '../processes/load-generator.js';
import type { Memory } from '../processes/runtime-probe.js';
import {
  startBareSockets,
  startBroker,
  startLoadGenerator,
  startMeasuredRedis,
  type Server,
} from '../processes/start-servers.js';
import { reportProgress } from '../../progress.js';

export interface MemoryFigures {
  readonly clients: number;
  /** Resident bytes for each client of the broker, and for each bare socket. */
  readonly broker: number;
  readonly bare: number;
  readonly ratio: number;
  /** Bytes of heap and external buffers, likewise. */
  readonly brokerHeap: number;
  readonly bareHeap: number;
}

/** Clients that connect and disconnect first, so that compiled code and one-time allocations are not counted. */
const FIRST_CLIENTS = 200;

/** Longer than the deadline for the first message, so that idle clients are past it. */
const CALM_MS = 6_000;

/** The young generation has its full size from the beginning, so that its growth is not counted as a cost of clients. */
const STEADY_HEAP = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** The rebalancer's thread has its own heap, whose size varies by as much as thousands of clients use. */
const NO_REBALANCER = 'rebalance: { enabled: false }\n';

/** Measures the memory of an idle client of a broker on Redis, and of a bare `ws` socket. */
export async function measureMemory(clients: number): Promise<MemoryFigures> {
  const redis = await startMeasuredRedis();
  try {
    reportProgress(`memory: ${clients} idle clients on a broker`);
    const broker = await perClient(
      await startBroker({ redisUrl: redis.url, nodeArgs: STEADY_HEAP, probed: true, config: NO_REBALANCER }),
      clients,
      true,
    );
    reportProgress(`memory: ${clients} bare sockets`);
    const bare = await perClient(await startBareSockets(STEADY_HEAP), clients, false);
    return {
      clients,
      broker: broker.rss,
      bare: bare.rss,
      ratio: broker.rss / bare.rss,
      brokerHeap: broker.heap,
      bareHeap: bare.heap,
    };
  } finally {
    await redis.stop();
  }
}

async function perClient(
  server: Server,
  clients: number,
  expectsWelcome: boolean,
): Promise<{ readonly rss: number; readonly heap: number }> {
  const loader = startLoadGenerator();
  try {
    const open = (players: number): Promise<void> => {
      const order: IdleOrder = { url: server.url, expectsWelcome, players };
      return loader.request('openIdle', order);
    };
    await open(FIRST_CLIENTS);
    await loader.request('cutIdle');
    await delay(CALM_MS);
    const before = await server.request<Memory>('memory');
    await open(clients);
    await delay(CALM_MS);
    const after = await server.request<Memory>('memory');
    const heapOf = ({ heapUsed, external }: Memory): number => heapUsed + external;
    return {
      rss: (after.rss - before.rss) / clients,
      heap: (heapOf(after) - heapOf(before)) / clients,
    };
  } finally {
    await loader.stop();
    await server.stop();
  }
}
