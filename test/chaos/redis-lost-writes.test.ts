import { expect } from 'chai';
import { sendHeartbeat, getHost, makeHostReady, reserveSlot, startSession } from '../store/fixture.js';
import { openRedisFixture } from '../store/redis/redis-fixture.js';
import { REGION_POOL } from '../support/fleet/fleet-data.js';
import { retryUntilSuccess } from '../support/time/eventually.js';
import { startRedisSentinel, type RedisSentinel } from '../support/redis/redis-sentinel.js';

/** A store that lost its last writes must agree with the hosts in the end. */
describe('A failover that loses acknowledged writes', () => {
  let redis: RedisSentinel;
  beforeEach(async () => {
    redis = await startRedisSentinel();
  });
  afterEach(async () => {
    await redis.stop();
  });

  it('is repaired from the next heartbeat: no slot is filled twice, no running session ends', async () => {
    const { name, sentinels } = redis;
    const fixture = await openRedisFixture({ kind: 'sentinel', name, sentinels });
    try {
      const { store } = fixture;
      await makeHostReady(store, 'host-a', { slots: 2 });
      const kept = await startSession(store);
      await redis.freezeReplication();
      const lost = await startSession(store);
      await redis.failedOverFrom(await redis.killPrimary());
      await retryUntilSuccess(() => store.ping(), 10_000);
      expect(await store.getSessions(REGION_POOL, [lost.sessionId])).to.deep.equal([null]);

      const sessions = [kept, lost];
      expect(await sendHeartbeat(store, 'host-a', { sessions })).to.equal('differs');
      const from = { hostId: 'host-a', connectionId: 'broker-a.1' };
      const { adopted, rejected } = await store.reconcileHost(REGION_POOL, from, sessions);
      expect(adopted.map(({ sessionId }) => sessionId)).to.deep.equal([lost.sessionId]);
      expect(rejected).to.deep.equal([]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 2, state: 'ready' });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    } finally {
      await fixture.close();
    }
  });
});
