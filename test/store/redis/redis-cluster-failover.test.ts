import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import { startRedisCluster, type RedisCluster } from '../../support/redis/redis-cluster.js';
import { expectToSurvive } from './failover.js';
import { ANSWER_WITHIN_MS, SHORT_TIMEOUTS, openRedisFixture, type RedisFixture } from './redis-fixture.js';

/** Hash tag of all keys of the region of these tests. */
const KEY = `{${REGION_POOL.region}}`;

/** A command whose connection breaks is tried once more, at the node that the cluster names by then. */
const ANSWER_TWICE_WITHIN_MS = 2 * ANSWER_WITHIN_MS;

describe('redis store when a master of the cluster fails that has a replica', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  let fixture: RedisFixture;
  beforeEach(async () => {
    cluster = await startRedisCluster({ replicas: true });
    fixture = await openRedisFixture({ kind: 'cluster', nodes: cluster.nodes }, SHORT_TIMEOUTS);
  });
  afterEach(async () => {
    await fixture.close();
    await cluster.stop();
  });

  it('continues on the replica when the master was killed', async () => {
    await expectToSurvive({
      store: fixture.store,
      other: await fixture.another(),
      answerWithinMs: ANSWER_TWICE_WITHIN_MS,
      failOver: async () => cluster.failedOverFrom(await cluster.killMaster(KEY), KEY),
    });
  });

  it('continues on the replica when the master hangs with every connection open', async () => {
    await expectToSurvive({
      store: fixture.store,
      other: await fixture.another(),
      answerWithinMs: ANSWER_TWICE_WITHIN_MS,
      failOver: async () => {
        const master = await cluster.masterOf(KEY);
        master.freeze();
        await cluster.failedOverFrom(master, KEY);
      },
    });
  });
});
