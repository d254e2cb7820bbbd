import { randomUUID } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import { connect, endConnection, type RedisTimeouts } from './connection.js';
import type { KeySpace } from './keys.js';

/** Pub/sub between brokers: "look at your mail of this place". Lost nudges cost a second, nothing else. */
export interface WakeUps {
  send(brokerId: string, place: RegionPool): void;
  listen(brokerId: string, listener: (place: RegionPool) => void): Promise<void>;
  close(): void;
}

export interface WakeUpConnections {
  /** Publishes. */
  readonly redis: Redis | Cluster;
  /** Connected. Nudges close it. */
  readonly subscriber: Redis | Cluster;
  /** Makes another one like it, not connected yet. */
  readonly openSubscriber: () => Redis | Cluster;
  readonly keys: KeySpace;
  readonly timeouts: RedisTimeouts;
}

export function createWakeUps({
  redis,
  subscriber,
  openSubscriber,
  keys,
  timeouts,
}: WakeUpConnections): WakeUps {
  // One nudge per broker and place and turn of the event loop is enough.
  const pending = new Map<string, Set<string>>();
  const listeners = new Map<string, (place: RegionPool) => void>();
  let current = subscriber;
  let echo: { readonly word: string; readonly heard: () => void } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let checking = false;
  let closed = false;

  const flush = (): void => {
    for (const [brokerId, places] of pending) {
      for (const place of places) {
        redis.publish(keys.wakeUps(brokerId), place).catch(() => {
          // The broker that was not nudged looks at its mail by itself within a second.
        });
      }
    }
    pending.clear();
  };

  const receive = (channel: string, message: string): void => {
    if (message === echo?.word) echo.heard();
    const [region, pool] = message.split('/');
    if (region !== undefined && pool !== undefined) listeners.get(channel)?.({ region, pool });
  };
  current.on('message', receive);

  /** Whether what is published on this channel comes back; `true` when nothing can be published. */
  const hearsItself = async (channel: string): Promise<boolean> => {
    const word = randomUUID();
    let giveUp: NodeJS.Timeout | undefined;
    const heard = new Promise<boolean>((resolve) => {
      echo = { word, heard: () => resolve(true) };
      giveUp = setTimeout(() => resolve(false), timeouts.echoMs);
    });
    try {
      await redis.publish(channel, word);
      return await heard;
    } catch {
      return true;
    } finally {
      clearTimeout(giveUp);
      echo = undefined;
    }
  };

  const replaceSubscriber = async (): Promise<void> => {
    const next = openSubscriber();
    try {
      await connect(next, timeouts.startMs);
      next.on('message', receive);
      await next.subscribe(...listeners.keys());
    } catch {
      // The next echo that does not come leads here again.
      endConnection(next);
      return;
    }
    // Nobody may have closed us meanwhile.
    const old = closed ? next : current;
    if (!closed) current = next;
    endConnection(old);
  };

  const check = async (): Promise<void> => {
    const [channel] = listeners.keys();
    if (checking || channel === undefined) return;
    checking = true;
    if (!(await hearsItself(channel)) && !closed) await replaceSubscriber();
    checking = false;
  };

  return {
    send(brokerId, { region, pool }) {
      if (pending.size === 0) setImmediate(flush);
      const places = pending.get(brokerId) ?? new Set();
      places.add(`${region}/${pool}`);
      pending.set(brokerId, places);
    },
    async listen(brokerId, listener) {
      const channel = keys.wakeUps(brokerId);
      listeners.set(channel, listener);
      await current.subscribe(channel);
      timer ??= setInterval(() => void check(), timeouts.echoIntervalMs).unref();
    },
    close() {
      closed = true;
      clearInterval(timer);
      endConnection(current);
    },
  };
}
