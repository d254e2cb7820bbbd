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

export interface MemoryFigures {
  readonly clients: number;
  /** Resident bytes per client. */
  readonly broker: number;
  readonly bare: number;
  readonly ratio: number;
  /** Bytes of heap and of buffers outside of it per client. */
  readonly brokerHeap: number;
  readonly bareHeap: number;
}

/** These come first and leave, so that the code that is run for a client and what it takes once is there before. */
const FIRST_CLIENTS = 200;

/** Longer than the deadline for a first message: whoever is idle is past it. */
const CALM_MS = 6_000;

/** The young generation at its full size from the beginning: how far it has grown is no cost of a client. */
const STEADY_HEAP = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** Its thread has a heap of its own that comes and goes, as large as thousands of clients. */
const NO_PLANNER = 'rebalance: { enabled: false }\n';

/** What an idle client costs a broker on Redis, and what a bare `ws` socket costs. */
export async function measureMemory(clients: number, say: (text: string) => void): Promise<MemoryFigures> {
  const redis = await startMeasuredRedis();
  try {
    say(`memory: ${clients} idle clients on a broker`);
    const broker = await perClient(
      await startBroker({ redisUrl: redis.url, nodeArgs: STEADY_HEAP, probed: true, config: NO_PLANNER }),
      clients,
      true,
    );
    say(`memory: ${clients} bare sockets`);
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
      return loader.ask('openIdle', order);
    };
    await open(FIRST_CLIENTS);
    await loader.ask('cutIdle');
    await delay(CALM_MS);
    const before = await server.ask<Memory>('memory');
    await open(clients);
    await delay(CALM_MS);
    const after = await server.ask<Memory>('memory');
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
