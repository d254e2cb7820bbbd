import { expect } from 'chai';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import type { RedisTimeouts } from '@duskline/server/store/redis/connection.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { startRedisSentinel, type RedisSentinel } from '../../support/redis/redis-sentinel.js';
import { describeStore } from '../conformance.js';
import { expectToSurvive } from './failover.js';
import { SUSPECT_AFTER_MS } from '../fixture.js';
import { SHORT_TIMEOUTS, openRedisFixture, type RedisFixture } from './redis-fixture.js';

function openFixture(
  { name, sentinels }: RedisSentinel,
  timeouts: Partial<RedisTimeouts> = {},
): Promise<RedisFixture> {
  return openRedisFixture({ kind: 'sentinel', name, sentinels }, timeouts);
}

describe('through Sentinel', function () {
  let redis: RedisSentinel;
  before(async function () {
    // Starting takes seconds, because the Sentinels look for each other every two seconds.
    this.timeout(30_000);
    redis = await startRedisSentinel();
  });
  after(async () => {
    await redis.stop();
  });

  describeStore('redis store', () => openFixture(redis));
});

describe('redis store when the primary that Sentinel named fails', function () {
  this.timeout(60_000);
  let redis: RedisSentinel;
  let fixture: RedisFixture;
  beforeEach(async () => {
    redis = await startRedisSentinel();
    fixture = await openFixture(redis, SHORT_TIMEOUTS);
  });
  afterEach(async () => {
    await fixture.close();
    await redis.stop();
  });

  it('continues on the new primary when the old one was killed', async () => {
    await expectToSurvive({
      store: fixture.store,
      other: await fixture.another(),
      failOver: async () => redis.failedOverFrom(await redis.killPrimary()),
    });
  });

  it('continues on the new primary when the old one hangs with every connection open', async () => {
    await expectToSurvive({
      store: fixture.store,
      other: await fixture.another(),
      failOver: async () => redis.failedOverFrom(await redis.freezePrimary()),
    });
  });
});

it('redis store rejects its creation when no Sentinel answers', async () => {
  const sentinels = [{ host: '127.0.0.1', port: await freePort() }];
  const target = { kind: 'sentinel' as const, name: 'duskline', sentinels };
  const error = await createRedisStore({
    target,
    suspectAfterMs: SUSPECT_AFTER_MS,
    timeouts: SHORT_TIMEOUTS,
  }).catch((reason: unknown) => reason);
  expect(error).to.be.instanceOf(StoreUnavailableError);
});
