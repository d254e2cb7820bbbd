import type { Config, RedisConfig } from './config/config.js';
import type { FleetStore } from './store/fleet-store.js';
import { createMemoryStore } from './store/memory/memory-store.js';
import type { RedisTarget } from './store/redis/connection.js';
import { createRedisStore } from './store/redis/redis-store.js';

/** What a store is opened with: plain data, so that another thread may open one of the same state. */
export interface StoreSettings {
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  /** `null`: in this process. */
  readonly redis: { readonly target: RedisTarget; readonly prefix?: string } | null;
}

/** @param keyPrefix stands before every Redis key; the store's own default when absent */
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
 * Opens the store that the configuration names.
 *
 * @param onError hears of trouble with the connection; the store goes on by itself
 * @throws StoreUnavailableError when Redis cannot be reached
 */
export async function openStore(
  { redis, ...options }: StoreSettings,
  onError: (error: Error) => void,
): Promise<FleetStore> {
  return redis === null ? createMemoryStore(options) : createRedisStore({ ...options, ...redis, onError });
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
