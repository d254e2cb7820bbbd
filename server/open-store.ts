import type { Config, RedisConfig } from './config/config.js';
import type { Runtime } from './runtime/runtime.js';
import type { FleetStore } from './store/fleet-store.js';
import { createMemoryStore } from './store/memory/memory-store.js';
import type { RedisTarget } from './store/redis/connection.js';
import { createRedisStore } from './store/redis/redis-store.js';

/** Settings of a store: plain data, so that a worker thread can open the same store. */
export interface StoreSettings {
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  /** `null` for the memory store of this process. */
  readonly redis: { readonly target: RedisTarget; readonly prefix?: string } | null;
}

/** The store settings of a configuration. @param keyPrefix prefix of all Redis keys; the store's default when absent */
export function storeSettingsFrom(
  { limits, store }: Pick<Config, 'limits' | 'store'>,
  keyPrefix?: string,
): StoreSettings {
  const { suspectAfterMs, offerMs, resumeWindowMs } = limits;
  const prefix = keyPrefix === undefined ? {} : { prefix: keyPrefix };
  const redis = store.kind === 'memory' ? null : { target: toTarget(store), ...prefix };
  return { suspectAfterMs, offerMs, resumeWindowMs, redis };
}

/**
 * Opens the configured store.
 *
 * @param onError called with errors of the connection, for logs; the store reconnects by itself
 * @throws StoreUnavailableError when Redis cannot be reached
 */
export async function openStore(
  { redis, ...options }: StoreSettings,
  runtime: Runtime,
  onError: (error: Error) => void,
): Promise<FleetStore> {
  return redis === null
    ? createMemoryStore({ ...options, clock: runtime.clock })
    : createRedisStore({ ...options, ...redis, runtime, onError });
}

function toTarget({ topology, username, password, tls }: RedisConfig): RedisTarget {
  const credentials = {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    ...(tls === null
      ? {}
      : {
          tls: {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key.reveal() }),
            ...(tls.serverName === null ? {} : { servername: tls.serverName }),
          },
        }),
  };
  switch (topology.kind) {
    case 'single': {
      const { host, port, database } = topology;
      return { ...credentials, kind: 'single', url: `redis://${host}:${port}/${database}` };
    }
    case 'sentinel':
      return { ...credentials, kind: 'sentinel', name: topology.name, sentinels: topology.nodes };
    case 'cluster':
      return { ...credentials, kind: 'cluster', nodes: topology.nodes };
  }
}
