import { toStoreMs, type StoreMs } from '../../domain/store-time.js';
import type { Cluster, Redis } from 'ioredis';
import type { KeySpace } from './keys.js';
import { toStoreError } from './redis-errors.js';
import type { ScriptRunner } from './scripts/script-runner.js';

/** What every part of the Redis store works with. */
export interface RedisContext extends ScriptRunner {
  readonly redis: Redis | Cluster;
  readonly keys: KeySpace;
  /** Runs a Redis command. Rejects with `StoreUnavailableError` when Redis does not answer. */
  readonly command: <T>(command: () => Promise<T>) => Promise<T>;
  /** The store's time. */
  readonly getTimeMs: () => Promise<StoreMs>;
}

/** @param storeTimeMs in place of the time of Redis, in milliseconds since 1970 */
export function createRedisContext(
  redis: Redis | Cluster,
  keys: KeySpace,
  scripts: ScriptRunner,
  storeTimeMs: (() => number) | undefined,
): RedisContext {
  return {
    redis,
    keys,
    ...scripts,
    command,
    async getTimeMs() {
      if (storeTimeMs !== undefined) return toStoreMs(storeTimeMs());
      const [seconds = 0, micros = 0] = (await command(() => redis.time())).map(Number);
      return toStoreMs(seconds * 1_000 + Math.floor(micros / 1_000));
    },
  };
}

async function command<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toStoreError(error);
  }
}
