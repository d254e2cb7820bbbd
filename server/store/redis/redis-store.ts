import type { Cluster, Redis } from 'ioredis';
import { DEFAULT_BACK_OFF } from '../../domain/host-failures.js';
import type { Runtime } from '../../runtime/runtime.js';
import { systemRuntime } from '../../runtime/system-runtime.js';
import type { FleetStore } from '../fleet-store.js';
import { DEFAULT_OFFER_MS, DEFAULT_RESUME_WINDOW_MS, type StoreOptions } from '../store-options.js';
import {
  DEFAULT_REDIS_TIMEOUTS,
  connect,
  createConnection,
  endConnection,
  type RedisTarget,
  type RedisTimeouts,
} from './connection.js';
import { createRedisDrains } from './drains.js';
import { createRedisHosts } from './hosts.js';
import { createRedisInbox } from './inbox.js';
import { createKeySpace } from './keys.js';
import { createRedisLeases } from './leases.js';
import { readMemoryId } from './memory-id.js';
import { createRedisMoves } from './moves.js';
import { createRedisQueue } from './queue.js';
import { createRedisContext } from './redis-context.js';
import { createRedisRequests } from './requests.js';
import { createScriptRunner } from './scripts/script-runner.js';
import { createRedisSessions } from './sessions.js';
import { createWakeUps } from './wake-ups.js';

export interface RedisStoreOptions extends StoreOptions {
  readonly target: RedisTarget;
  /** Stands before every key; `duskline` when absent. */
  readonly prefix?: string;
  /** Receives connection errors. The store reconnects by itself. */
  readonly onError?: (error: Error) => void;
  /** Absent ones are those of `DEFAULT_REDIS_TIMEOUTS`. */
  readonly timeouts?: Partial<RedisTimeouts>;
  /** The store's time in place of the time of Redis, in milliseconds since 1970, for tests that control the time. */
  readonly storeTimeMs?: () => number;
  /** For timers and jitter. The system's when absent. */
  readonly runtime?: Runtime;
}

/** Connects to Redis. Rejects with `StoreUnavailableError` when Redis cannot be reached. */
export async function createRedisStore(options: RedisStoreOptions): Promise<FleetStore> {
  const {
    target,
    prefix = 'duskline',
    onError = () => undefined,
    storeTimeMs,
    runtime = systemRuntime,
  } = options;
  const timeouts = { ...DEFAULT_REDIS_TIMEOUTS, ...options.timeouts };
  const open = (): Redis | Cluster => {
    const connection = createConnection(target, runtime.random, timeouts);
    connection.on('error', onError);
    return connection;
  };
  const [redis, subscriber] = await connectAll([open(), open()], runtime, timeouts.startMs);
  const keys = createKeySpace(prefix);
  const wakeUps = createWakeUps({ redis, subscriber, openSubscriber: open, keys, timeouts, runtime });
  const settings = {
    suspectAfterMs: options.suspectAfterMs,
    offerMs: options.offerMs ?? DEFAULT_OFFER_MS,
    resumeWindowMs: options.resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
    backOff: options.backOff ?? DEFAULT_BACK_OFF,
    wakeUpsPrefix: keys.wakeUpsPrefix,
  };
  const scripts = createScriptRunner({ redis, keys, settings, timeMs: () => storeTimeMs?.() ?? null });
  const context = createRedisContext(redis, keys, scripts, storeTimeMs);
  return {
    kind: 'redis',
    ...createRedisRequests(context),
    ...createRedisHosts(context),
    ...createRedisSessions(context),
    ...createRedisQueue(context),
    ...createRedisMoves(context),
    ...createRedisDrains(context),
    ...createRedisInbox(context, wakeUps),
    ...createRedisLeases(context),
    getTimeMs: context.getTimeMs,
    async ping() {
      await context.command(() => redis.ping());
    },
    getMemoryId: () => readMemoryId(context),
    close() {
      wakeUps.close();
      endConnection(redis);
      return Promise.resolve();
    },
  };
}

/** Connects all, or ends all and rejects. */
async function connectAll<const T extends readonly (Redis | Cluster)[]>(
  connections: T,
  { clock }: Runtime,
  startMs: number,
): Promise<T> {
  const opened = await Promise.allSettled(
    connections.map((connection) => connect(connection, clock, startMs)),
  );
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed === undefined) return connections;
  connections.forEach(endConnection);
  throw failed.reason;
}
