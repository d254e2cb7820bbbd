import { Redis } from 'ioredis';
import { waitUntil } from '../time/eventually.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { startRedisServer, type RedisServer } from './redis-server.js';
import { createSharedResource } from '../shared-resource.js';

/** A real Redis Cluster of three masters, each with a replica or without. */
export interface RedisCluster {
  /** Addresses of all nodes, for clients. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The three initial masters, then their replicas in the same order. */
  readonly servers: readonly RedisServer[];
  /** The current master of this key, or of a hash tag `{tag}`. */
  masterOf(key: string): Promise<RedisServer>;
  /** Kills the master of this key. Its replica, if there is one, takes over within a few seconds. */
  killMaster(key: string): Promise<RedisServer>;
  /** Resolves when another server than `old` is the master of the key. */
  failedOverFrom(old: RedisServer, key: string): Promise<void>;
  stop(): Promise<void>;
}

/** Options of `startRedisCluster`. */
export interface RedisClusterOptions {
  /** A replica for each master. Default: none. */
  readonly replicas?: boolean;
}

const MASTERS = 3;
const SLOTS = 16_384;
const READY_DEADLINE_MS = 20_000;
const FAILOVER_DEADLINE_MS = 20_000;

/** Starts the nodes. Resolves when all of them agree on the slots and the replicas are in sync. */
export async function startRedisCluster({
  replicas = false,
}: RedisClusterOptions = {}): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const busPorts: number[] = [];
    for (let i = 0; i < (replicas ? 2 : 1) * MASTERS; i += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      servers.push(await startRedisServer({ args: nodeArgs(busPort) }));
    }
    await createCluster(servers, busPorts);
  } catch (error) {
    await stop();
    throw error;
  }
  const masterOf = async (key: string): Promise<RedisServer> => {
    const port = await portOf(servers, key);
    const server = servers.find((candidate) => candidate.port === port);
    if (server === undefined) throw new Error(`No node of the cluster is the master of ${key}.`);
    return server;
  };
  return {
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    servers,
    masterOf,
    async killMaster(key) {
      const server = await masterOf(key);
      await server.kill();
      return server;
    },
    async failedOverFrom(old, key) {
      const others = servers.filter((server) => server !== old);
      await waitUntil(async () => (await portOf(others, key)) !== old.port, FAILOVER_DEADLINE_MS);
    },
    stop,
  };
}

/** Starts a cluster of one node, which has all slots. It refuses a call whose keys are in several slots, as every node does. */
export async function startSingleNodeCluster(): Promise<RedisServer> {
  const server = await startRedisServer({ args: nodeArgs(await freePort()) });
  const client = new Redis(server.url);
  try {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', String(SLOTS - 1));
    await waitUntil(async () => (await clusterInfo(client)).includes('cluster_state:ok'), READY_DEADLINE_MS);
  } finally {
    client.disconnect();
  }
  return server;
}

function nodeArgs(busPort: number): string[] {
  const bus = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  // When a node is lost, the other nodes keep serving their slots.
  return [...bus, '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'];
}

/** Assigns the slots, connects the nodes, and waits until all nodes agree. */
async function createCluster(servers: readonly RedisServer[], busPorts: readonly number[]): Promise<void> {
  const clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  try {
    for (const [i, client] of clients.entries()) {
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      if (i >= MASTERS) continue;
      const first = Math.ceil((i * SLOTS) / MASTERS);
      const end = Math.ceil(((i + 1) * SLOTS) / MASTERS);
      const slots = Array.from({ length: end - first }, (_, n) => String(first + n));
      await client.call('CLUSTER', 'ADDSLOTS', ...slots);
    }
    for (const [i, { port }] of servers.entries()) {
      if (i > 0) {
        await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPorts[i]));
      }
    }
    // Redis sends no event for this, so it is polled.
    await waitUntil(async () => {
      const infos = await Promise.all(clients.map(clusterInfo));
      return infos.every((info) => info.includes(`cluster_known_nodes:${servers.length}\r`));
    }, READY_DEADLINE_MS);
    for (const [i, client] of clients.entries()) {
      if (i < MASTERS) continue;
      const id = String(await clients[i - MASTERS]!.call('CLUSTER', 'MYID'));
      await client.call('CLUSTER', 'REPLICATE', id);
    }
    await waitUntil(async () => (await Promise.all(clients.map(isReady))).every(Boolean), READY_DEADLINE_MS);
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function isReady(client: Redis): Promise<boolean> {
  const cluster = await clusterInfo(client);
  const agreed = ['cluster_state:ok', `cluster_slots_assigned:${SLOTS}`, `cluster_size:${MASTERS}`].every(
    (line) => cluster.includes(line),
  );
  const replication = await client.info('replication');
  return agreed && !replication.includes('master_link_status:down');
}

async function clusterInfo(client: Redis): Promise<string> {
  return String(await client.call('CLUSTER', 'INFO'));
}

/** Port of the key's master according to the first server that answers; 0 when none knows it. */
async function portOf(servers: readonly RedisServer[], key: string): Promise<number> {
  for (const { port } of servers) {
    const client = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      retryStrategy: () => null,
      commandTimeout: 1_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const slot = await client.cluster('KEYSLOT', key);
      const ranges = await client.cluster('SLOTS');
      return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[1] ?? 0;
    } catch {
      // The server was killed or hangs. Try the next one.
    } finally {
      client.disconnect();
    }
  }
  return 0;
}

const shared = createSharedResource(() => startRedisCluster());

/** The cluster that tests share. Use keys with your own prefix, and do not kill its nodes. */
export function sharedRedisCluster(): Promise<RedisCluster> {
  return shared.get();
}
