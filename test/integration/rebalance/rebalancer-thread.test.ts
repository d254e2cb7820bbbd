import { expect } from 'chai';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { createRebalancerThread } from '@duskline/server/rebalancer-thread.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { TEST_CONFIG, TEST_ENV, failOnError } from '../../support/fleet/test-broker.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { startRedisServer } from '../../support/redis/redis-server.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
const REQUEST = {
  region: 'near',
  storeIsRecovering: false,
  closedRegionPools: [],
  quarantinedHosts: [],
  excludedSessions: [],
  scheduledChains: [],
};
const RULES = { suspectAfterMs: 4_000, offerMs: 15_000, resumeWindowMs: 120_000 };

describe('The thread of the rebalancer', function () {
  this.timeout(20_000);

  it('plans from what it reads in Redis, reports when Redis is down, and continues when it is back', async () => {
    const redis = await startRedisServer();
    const target = { kind: 'single', url: redis.url } as const;
    const { catalog } = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
    const store = await createRedisStore({ ...RULES, target, prefix: 'planned' });
    const seed = { ...RULES, redis: { target, prefix: 'planned' } };
    const rebalancer = createRebalancerThread(
      { store: seed, catalog, limits: DEFAULT_REBALANCE_LIMITS },
      failOnError,
      systemClock,
    );
    try {
      const host = { hostId: 'h1', connectionId: 'b.1' };
      await store.registerHost(REGION_POOL, { ...host, slots: 4, endpoint: 'wss://h1.example.com' });
      const beat = { ...host, measured: 0.95 * FULL, digest: 0 };
      expect((await rebalancer.planRound(REQUEST)).exclusions).to.deep.equal([]);
      for (let i = 0; i < 2; i += 1) {
        await store.recordHeartbeats(REGION_POOL, [beat]);
        expect((await rebalancer.planRound(REQUEST)).exclusions).to.deep.equal([]);
      }
      await store.recordHeartbeats(REGION_POOL, [beat]);
      const exclusion = { kind: 'exclude', pool: REGION_POOL.pool, hostId: 'h1' };
      expect(await rebalancer.planRound(REQUEST)).to.deep.include({ exclusions: [exclusion], moves: [] });
      expect((await rebalancer.planRound({ ...REQUEST, storeIsRecovering: true })).blocker).to.contain(
        'the store was unreachable',
      );

      await redis.kill();
      await rebalancer.planRound(REQUEST).then(
        () => expect.fail('planned without Redis'),
        (error: unknown) => expect(error).to.be.instanceOf(StoreUnavailableError),
      );
      await redis.restart();
      await retryUntilSuccess(() => rebalancer.planRound(REQUEST));
    } finally {
      await rebalancer.close();
      await store.close();
      await redis.stop();
    }
  });
});
