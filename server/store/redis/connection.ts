import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { StoreUnavailableError } from '../contracts/store-unavailable-error.js';

/** Where Redis (or Valkey) is. */
export type RedisTarget = RedisCredentials &
  (
    | { readonly kind: 'single'; readonly url: string }
    | { readonly kind: 'sentinel'; readonly name: string; readonly sentinels: readonly Address[] }
    | { readonly kind: 'cluster'; readonly nodes: readonly Address[] }
  );

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
}

/** How long Redis is waited for. No operator has a reason to change these; tests set them small. */
export interface RedisTimeouts {
  /** A command that got no answer for this long failed, as far as its caller is concerned. */
  readonly commandMs: number;
  readonly connectMs: number;
  /**
   * A connection on which nothing came for this long, though something was asked, is given up: the machine at its
   * other end may be gone without a word, and its successor is one new connection away.
   */
  readonly silenceMs: number;
  /** How long the first connection may take together; from then on there is no end to the trying. */
  readonly startMs: number;
  /**
   * How often a listener for wake-ups calls itself. A subscription says nothing when nobody publishes, and looks the same
   * when its server is gone or was demoted: only an echo that does not come tells.
   */
  readonly echoIntervalMs: number;
  /** An echo that has not come after so long does not come. */
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

/** How often a cluster is asked which node serves what, besides when it redirects us. */
const SLOTS_REFRESH_MS = 1_000;

/** Between two attempts to reach Redis again: short, for every second counts, with jitter for the herd. */
function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, 1_000) * (0.5 + Math.random() / 2);
}

/**
 * Opens a connection that reconnects for ever, and fails commands at once while there is none: a waiting
 * player is better told `UNAVAILABLE` than kept in a queue nobody sees. Nothing is sent twice by itself.
 */
export function createConnection(
  target: RedisTarget,
  timeouts: RedisTimeouts = DEFAULT_REDIS_TIMEOUTS,
): Redis | Cluster {
  const common = {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls === undefined ? {} : { tls: target.tls }),
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeouts.commandMs,
    connectTimeout: timeouts.connectMs,
    socketTimeout: timeouts.silenceMs,
    retryStrategy: reconnectDelayMs,
    // A failover leaves us on a replica: it says READONLY, and the new master is one reconnect away.
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
        // A number for ever: without one, the connection ends for good when no Sentinel answers.
        sentinelRetryStrategy: reconnectDelayMs,
        sentinelCommandTimeout: timeouts.commandMs,
        // Or the options say TLS, and plain text goes over the wire.
        ...(target.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: target.tls }),
      });
    case 'cluster':
      return new Cluster([...target.nodes], {
        redisOptions: common,
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: reconnectDelayMs,
        slotsRefreshTimeout: timeouts.connectMs,
        slotsRefreshInterval: SLOTS_REFRESH_MS,
        // While a node is being connected, or the cluster replaces one, commands for it are tried again this
        // often and so many times: for half a second or so. Every step is safe to repeat.
        retryDelayOnFailover: 100,
        retryDelayOnClusterDown: 100,
        maxRedirections: 8,
      });
  }
}

/**
 * Ends a connection for good. A cluster that is just refreshing its slots when it is told to disconnect starts its timer
 * again when the answer comes, and again for ever, which keeps the process up: from now on it refreshes nothing.
 */
export function endConnection(redis: Redis | Cluster): void {
  redis.disconnect();
  if (redis instanceof Cluster) redis.refreshSlotsCache = () => undefined;
}

/** Connects for the first time. Rejects with `StoreUnavailableError`, and stops trying, when that fails. */
export async function connect(
  redis: Redis | Cluster,
  startMs: number = DEFAULT_REDIS_TIMEOUTS.startMs,
): Promise<void> {
  let lastError: Error | undefined;
  const remember = (error: Error): void => {
    lastError = error;
  };
  redis.on('error', remember);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${startMs} ms`);
    timer = setTimeout(() => reject(error), startMs);
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
    clearTimeout(timer);
    redis.off('error', remember);
  }
}
