import { expect } from 'chai';
import { Redis } from 'ioredis';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import {
  sharedRedisCluster,
  startRedisCluster,
  type RedisCluster,
} from '../../support/redis/redis-cluster.js';
import { describeStore } from '../conformance.js';
import { ANSWER_WITHIN_MS, SHORT_TIMEOUTS, openRedisFixture } from './redis-fixture.js';

describe('on a cluster', function () {
  before(async function () {
    // Starting takes seconds, because the three nodes must find each other.
    this.timeout(30_000);
    await sharedRedisCluster();
  });

  describeStore('redis store', async () =>
    openRedisFixture({ kind: 'cluster', nodes: (await sharedRedisCluster()).nodes }),
  );
});

describe('redis store when a node of the cluster fails', function () {
  this.timeout(30_000);
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(async () => {
    await cluster.stop();
  });

  /** A region whose keys are on this node. */
  async function regionOn(node: number): Promise<string> {
    const raw = new Redis(cluster.nodes[0]!.port, '127.0.0.1');
    try {
      for (let i = 0; ; i += 1) {
        const slot = await raw.cluster('KEYSLOT', `region-${i}`);
        if (Math.floor((slot * cluster.nodes.length) / 16_384) === node) return `region-${i}`;
      }
    } finally {
      raw.disconnect();
    }
  }

  it('loses access to the regions of that node only, and regains it when the node is back', async () => {
    const fixture = await openRedisFixture({ kind: 'cluster', nodes: cluster.nodes }, SHORT_TIMEOUTS);
    const [lost, kept] = [await regionOn(1), await regionOn(2)];
    try {
      for (const region of [lost, kept]) {
        expect(await fixture.store.acquireLease(region, 'broker-a', 60_000)).to.equal(true);
      }
      await cluster.servers[1]!.kill();
      const startedAt = performance.now();
      const error = await fixture.store
        .acquireLease(lost, 'broker-a', 60_000)
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(performance.now() - startedAt).to.be.below(ANSWER_WITHIN_MS);
      expect(await fixture.store.acquireLease(kept, 'broker-a', 60_000)).to.equal(true);
      await cluster.servers[1]!.restart();
      await retryUntilSuccess(() => fixture.store.acquireLease(lost, 'broker-a', 60_000), 15_000);
    } finally {
      await fixture.close();
    }
  });
});
