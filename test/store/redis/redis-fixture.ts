import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { RedisTarget, RedisTimeouts } from '@duskline/server/store/redis/connection.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { uniquePrefix } from '../../support/redis/redis-server.js';
import { SUSPECT_AFTER_MS, type StoreFixture } from '../fixture.js';

/** A fixture whose stores are on Redis. */
export interface RedisFixture extends StoreFixture {
  readonly prefix: string;
}

/** A quarter of the default times, for tests in which Redis does not answer. */
export const SHORT_TIMEOUTS: RedisTimeouts = {
  commandMs: 500,
  connectMs: 500,
  silenceMs: 750,
  startMs: 1_250,
  echoIntervalMs: 500,
  echoMs: 250,
};

/** Longest time of a call with `SHORT_TIMEOUTS`: the time limit of a command, and slack for a busy machine. */
export const ANSWER_WITHIN_MS = 1_500;

/** Opens stores on one Redis, with a key prefix of their own. */
export async function openRedisFixture(
  target: RedisTarget,
  timeouts: Partial<RedisTimeouts> = {},
): Promise<RedisFixture> {
  const clock = new ManualClock();
  const prefix = uniquePrefix();
  const stores: FleetStore[] = [];
  const another = async (): Promise<FleetStore> => {
    const options = { target, prefix, suspectAfterMs: SUSPECT_AFTER_MS, timeouts };
    const store = await createRedisStore({ ...options, storeTimeMs: () => clock.wallMs() });
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
