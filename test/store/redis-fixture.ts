import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { RedisTarget } from '@duskline/server/store/redis/connection.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMovableClock } from '../support/movable-clock.js';
import { uniquePrefix } from '../support/redis-server.js';
import { SUSPECT_AFTER_MS, type StoreFixture } from './fixture.js';

export interface RedisFixture extends StoreFixture {
  readonly prefix: string;
}

/** Stores on one Redis that share keys with nobody else. */
export async function openRedisFixture(target: RedisTarget): Promise<RedisFixture> {
  const clock = createMovableClock();
  const prefix = uniquePrefix();
  const stores: FleetStore[] = [];
  const another = async (): Promise<FleetStore> => {
    const options = { target, prefix, suspectAfterMs: SUSPECT_AFTER_MS, clock: clock.now };
    const store = await createRedisStore(options);
    stores.push(store);
    return store;
  };
  return {
    prefix,
    clock,
    store: await another(),
    another,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}
