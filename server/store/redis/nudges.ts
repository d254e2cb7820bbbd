import type { Cluster, Redis } from 'ioredis';
import type { Place } from '../../domain/catalog.js';
import type { KeySpace } from './keys.js';

/** Pub/sub between brokers: "look at your mail of this place". Lost nudges cost a second, nothing else. */
export interface Nudges {
  send(brokerId: string, place: Place): void;
  listen(brokerId: string, listener: (place: Place) => void): Promise<void>;
  close(): void;
}

export function createNudges(redis: Redis | Cluster, subscriber: Redis | Cluster, keys: KeySpace): Nudges {
  // One nudge per broker and place and turn of the event loop is enough.
  const pending = new Map<string, Set<string>>();

  const flush = (): void => {
    for (const [brokerId, places] of pending) {
      for (const place of places) {
        redis.publish(keys.nudges(brokerId), place).catch(() => {
          // The broker that was not nudged looks at its mail by itself within a second.
        });
      }
    }
    pending.clear();
  };

  return {
    send(brokerId, { region, pool }) {
      if (pending.size === 0) setImmediate(flush);
      const places = pending.get(brokerId) ?? new Set();
      places.add(`${region}/${pool}`);
      pending.set(brokerId, places);
    },
    async listen(brokerId, listener) {
      const own = keys.nudges(brokerId);
      subscriber.on('message', (channel: string, message: string) => {
        if (channel !== own) return;
        const [region, pool] = message.split('/');
        if (region !== undefined && pool !== undefined) listener({ region, pool });
      });
      await subscriber.subscribe(own);
    },
    close: () => subscriber.disconnect(),
  };
}
