import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import type { KeySpace } from './keys.js';
import { toStoreError, type PoolScript, type RunScript } from './scripts.js';

/** What a script is given, beside its keys. */
export type ScriptArgument = string | number;

/** What every part of the Redis store works with. */
export interface RedisContext {
  readonly redis: Redis | Cluster;
  readonly keys: KeySpace;
  /** Runs a script on the given keys. */
  readonly run: RunScript;
  /** Runs a script on the keys of one region pool. `callerId` is the calling broker; empty when the script needs none. */
  readonly runInPool: (
    name: PoolScript,
    regionPool: RegionPool,
    callerId: string,
    args: readonly ScriptArgument[],
  ) => Promise<unknown>;
  /** Runs a Redis command. Rejects with `StoreUnavailableError` when Redis does not answer. */
  readonly command: <T>(command: () => Promise<T>) => Promise<T>;
  /** Milliseconds since 1970 when a test sets the time; '' makes scripts use Redis's own clock. */
  readonly clock: () => number | '';
  /** The store's time, in milliseconds since 1970. */
  readonly getTimeMs: () => Promise<number>;
}

/** @param clock in place of Redis's own, in milliseconds since 1970 */
export function createRedisContext(
  redis: Redis | Cluster,
  keys: KeySpace,
  run: RunScript,
  clock: (() => number) | undefined,
): RedisContext {
  const clockOrEmpty = (): number | '' => clock?.() ?? '';
  return {
    redis,
    keys,
    run,
    runInPool: (name, regionPool, callerId, args) =>
      run(name, keys.pool(regionPool), [clockOrEmpty(), callerId, ...args]),
    command,
    clock: clockOrEmpty,
    async getTimeMs() {
      if (clock !== undefined) return clock();
      const [seconds = 0, micros = 0] = (await command(() => redis.time())).map(Number);
      return seconds * 1_000 + Math.floor(micros / 1_000);
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
