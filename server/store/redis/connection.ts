import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RandomSource, ServerClock } from '../../runtime/runtime.js';
import { StoreUnavailableError } from '../contracts/store-unavailable-error.js';

/** Where Redis (or Valkey) is. */
export type RedisTarget = RedisCredentials &
  (
    | { readonly kind: 'single'; readonly url: string }
    | { readonly kind: 'sentinel'; readonly name: string; readonly sentinels: readonly RedisAddress[] }
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  );

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
}

/** Time limits for Redis. Only tests change them. */
export interface RedisTimeouts {
  /** A command fails for its caller when it gets no answer for this long. */
  readonly commandMs: number;
  readonly connectMs: number;
  /**
   * A connection that receives nothing for this long while commands wait for replies is closed: the machine at its other
   * end may have failed without closing it, and a new connection may reach its successor.
   */
  readonly silenceMs: number;
  /** How long all attempts to connect for the first time may take together. Reconnecting has no limit. */
  readonly startMs: number;
  /**
   * How often a subscriber checks that it still receives its own messages. A subscription without messages looks the same
   * as one whose server failed or was demoted: only a missing echo tells the difference.
   */
  readonly echoIntervalMs: number;
  /** An echo that has not come after this long is missing. */
  readonly echoMs: number;
}

export const DEFAULT_REDIS_TIMEOUTS: RedisTimeouts = {
  commandMs: 2_000,
  connectMs: 2_000,
  silenceMs: 3_000,
  startMs: 5_000,
  echoIntervalMs: 2_000,
  echoMs: 1_000,
};

/** How often a cluster is asked which node serves which slots, besides at every redirection. */
const SLOTS_REFRESH_MS = 1_000;

/** Delay before the next attempt to reconnect: short, because players wait, and with jitter, because many brokers reconnect at once. */
function reconnectDelayMs(attempt: number, random: RandomSource): number {
  return Math.min(50 * 2 ** attempt, 1_000) * (0.5 + random.number() / 2);
}

/**
 * Opens a connection that reconnects for ever. While it is down, commands fail at once: a player gets `UNAVAILABLE` instead
 * of waiting in a hidden queue. No command is sent twice without its caller.
 */
export function createConnection(
  target: RedisTarget,
  random: RandomSource,
  timeouts: RedisTimeouts = DEFAULT_REDIS_TIMEOUTS,
): Redis | Cluster {
  const retryDelayMs = (attempt: number): number => reconnectDelayMs(attempt, random);
  const common = {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls === undefined ? {} : { tls: target.tls }),
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Without an offline queue, ioredis would leave the rejection of a failed subscription unhandled, which ends the process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeouts.commandMs,
    connectTimeout: timeouts.connectMs,
    socketTimeout: timeouts.silenceMs,
    retryStrategy: retryDelayMs,
    // After a failover the connection may lead to a replica, which answers READONLY. Reconnecting finds the new master.
    reconnectOnError: (error: Error) => /(?:^|-)READONLY\b/.test(error.message),
  } satisfies RedisOptions;
  switch (target.kind) {
    case 'single':
      return new Redis(target.url, common);
    case 'sentinel':
      return new Redis({
        ...common,
        sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
        name: target.name,
        // Always a number: without one, the connection ends permanently when no Sentinel answers.
        sentinelRetryStrategy: retryDelayMs,
        sentinelCommandTimeout: timeouts.commandMs,
        // Without these, the connection to Sentinel would be plain text although the options say TLS.
        ...(target.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: target.tls }),
      });
    case 'cluster':
      return new Cluster([...target.nodes], {
        redisOptions: common,
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: retryDelayMs,
        slotsRefreshTimeout: timeouts.connectMs,
        slotsRefreshInterval: SLOTS_REFRESH_MS,
        // While a node is being connected or replaced, its commands are retried for about half a second. Every step of the
        // store is safe to repeat.
        retryDelayOnFailover: 100,
        retryDelayOnClusterDown: 100,
        maxRedirections: 8,
      });
  }
}

/**
 * Ends a connection permanently. When a cluster disconnects during a refresh of its slots, the refresh starts the cluster's
 * timer again, which then keeps the process alive for ever. So refreshing is switched off.
 */
export function endConnection(redis: Redis | Cluster): void {
  redis.disconnect();
  if (redis instanceof Cluster) redis.refreshSlotsCache = () => undefined;
}

/** Connects for the first time. Rejects with `StoreUnavailableError`, and stops trying, when that fails. */
export async function connect(
  redis: Redis | Cluster,
  clock: Pick<ServerClock, 'setTimer'>,
  startMs: number = DEFAULT_REDIS_TIMEOUTS.startMs,
): Promise<void> {
  let lastError: Error | undefined;
  const remember = (error: Error): void => {
    lastError = error;
  };
  redis.on('error', remember);
  let cancelTimer: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${startMs} ms`);
    cancelTimer = clock.setTimer(() => reject(error), startMs);
  });
  const connecting = redis.connect();
  connecting.catch(() => undefined);
  try {
    await Promise.race([connecting, late]);
  } catch (error) {
    endConnection(redis);
    const cause = lastError ?? error;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new StoreUnavailableError(`Redis cannot be reached: ${message}`, { cause });
  } finally {
    cancelTimer?.();
    redis.off('error', remember);
  }
}
