import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { startRedisServer, type RedisServer } from './redis-server.js';
import { createShared } from './shared.js';

/** A real Redis Cluster of three nodes without replicas. */
export interface RedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

const NODES = 3;
const SLOTS = 16_384;
const READY_DEADLINE_MS = 20_000;
const LOOK_AGAIN_MS = 50;

export async function startRedisCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const busPorts: number[] = [];
    for (let i = 0; i < NODES; i += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      servers.push(await startRedisServer({ args: nodeArgs(busPort) }));
    }
    await form(servers, busPorts);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })), servers, stop };
}

function nodeArgs(busPort: number): string[] {
  const bus = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  // A lost node takes its own slots with it, not everybody's.
  return [...bus, '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'];
}

/** Deals out the slots, makes the nodes known to each other, and waits until all of them agree. */
async function form(servers: readonly RedisServer[], busPorts: readonly number[]): Promise<void> {
  const clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  try {
    for (const [i, client] of clients.entries()) {
      const first = Math.ceil((i * SLOTS) / NODES);
      const end = Math.ceil(((i + 1) * SLOTS) / NODES);
      const slots = Array.from({ length: end - first }, (_, n) => String(first + n));
      await client.call('CLUSTER', 'ADDSLOTS', ...slots);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    }
    for (const [i, { port }] of servers.entries()) {
      if (i > 0) {
        await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPorts[i]));
      }
    }
    const deadlineAtMs = Date.now() + READY_DEADLINE_MS;
    // Redis announces this to nobody: it has to be asked.
    while (!(await Promise.all(clients.map(isReady))).every(Boolean)) {
      if (Date.now() > deadlineAtMs) throw new Error('the cluster did not form in time');
      await delay(LOOK_AGAIN_MS);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function isReady(client: Redis): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return [
    'cluster_state:ok',
    `cluster_slots_assigned:${SLOTS}`,
    `cluster_known_nodes:${NODES}`,
    `cluster_size:${NODES}`,
  ].every((line) => info.includes(line));
}

const shared = createShared(startRedisCluster);

/** The one cluster that tests share: keep to keys of your own prefix, and let its nodes live. */
export function sharedRedisCluster(): Promise<RedisCluster> {
  return shared.get();
}
