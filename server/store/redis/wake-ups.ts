import { Redis, type Cluster } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import type { Runtime } from '../../runtime/runtime.js';
import { connect, endConnection, type RedisTimeouts } from './connection.js';
import type { KeySpace } from './keys.js';

/** Pub/sub between brokers: "read your inbox of this region pool". A lost wake-up costs a second, nothing else. */
export interface WakeUps {
  send(brokerId: string, regionPool: RegionPool): void;
  listen(brokerId: string, listener: (regionPool: RegionPool) => void): Promise<void>;
  close(): void;
}

export interface WakeUpConnections {
  /** Publishes. */
  readonly redis: Redis | Cluster;
  /** A connected subscriber, which `close` ends. */
  readonly subscriber: Redis | Cluster;
  /** Creates another subscriber, not connected yet. */
  readonly openSubscriber: () => Redis | Cluster;
  readonly keys: KeySpace;
  readonly timeouts: RedisTimeouts;
  readonly runtime: Runtime;
}

export function createWakeUps({
  redis,
  subscriber,
  openSubscriber,
  keys,
  timeouts,
  runtime: { clock, random },
}: WakeUpConnections): WakeUps {
  // One wake-up per broker, region pool and turn of the event loop is enough.
  const pending = new Map<string, Set<string>>();
  const listeners = new Map<string, (regionPool: RegionPool) => void>();
  let current = subscriber;
  let echo: { readonly message: string; readonly onReceived: () => void } | undefined;
  let cancelCheck: (() => void) | undefined;
  let checking = false;
  let closed = false;

  const flush = (): void => {
    for (const [brokerId, regionPools] of pending) {
      for (const regionPool of regionPools) {
        redis.publish(keys.wakeUps(brokerId), regionPool).catch(() => {
          // A broker that gets no wake-up reads its inbox by itself within a second.
        });
      }
    }
    pending.clear();
  };

  const receive = (channel: string, message: string): void => {
    if (message === echo?.message) echo.onReceived();
    const [region, pool] = message.split('/');
    if (region !== undefined && pool !== undefined) listeners.get(channel)?.({ region, pool });
  };

  const attach = (to: Redis | Cluster): void => {
    to.on('message', receive);
    // A cluster subscribes again by itself.
    if (!(to instanceof Redis)) return;
    to.on('ready', () => {
      if (listeners.size === 0) return;
      to.subscribe(...listeners.keys()).catch(() => {
        // The connection is lost again: it subscribes when it is ready the next time.
      });
    });
  };
  attach(current);

  /** Whether a message that is published on this channel comes back; true when nothing can be published. */
  const receivesEcho = async (channel: string): Promise<boolean> => {
    const message = random.uuid();
    let cancelDeadline: (() => void) | undefined;
    const received = new Promise<boolean>((resolve) => {
      echo = { message, onReceived: () => resolve(true) };
      cancelDeadline = clock.setTimer(() => resolve(false), timeouts.echoMs);
    });
    try {
      await redis.publish(channel, message);
      return await received;
    } catch {
      return true;
    } finally {
      cancelDeadline?.();
      echo = undefined;
    }
  };

  const replaceSubscriber = async (): Promise<void> => {
    const next = openSubscriber();
    try {
      await connect(next, clock, timeouts.startMs);
      attach(next);
      await next.subscribe(...listeners.keys());
    } catch {
      // The next check will find no echo either and try again.
      endConnection(next);
      return;
    }
    // The store may have been closed meanwhile.
    const old = closed ? next : current;
    if (!closed) current = next;
    endConnection(old);
  };

  const check = async (): Promise<void> => {
    const [channel] = listeners.keys();
    if (checking || channel === undefined) return;
    checking = true;
    if (!(await receivesEcho(channel)) && !closed) await replaceSubscriber();
    checking = false;
  };

  const checkRegularly = (): void => {
    cancelCheck = clock.setBackgroundTimer(() => {
      checkRegularly();
      void check();
    }, timeouts.echoIntervalMs);
  };

  return {
    send(brokerId, { region, pool }) {
      if (pending.size === 0) clock.runNextTurn(flush);
      const regionPools = pending.get(brokerId) ?? new Set();
      regionPools.add(`${region}/${pool}`);
      pending.set(brokerId, regionPools);
    },
    async listen(brokerId, listener) {
      const channel = keys.wakeUps(brokerId);
      listeners.set(channel, listener);
      await current.subscribe(channel);
      if (cancelCheck === undefined && !closed) checkRegularly();
    },
    close() {
      closed = true;
      cancelCheck?.();
      endConnection(current);
    },
  };
}
