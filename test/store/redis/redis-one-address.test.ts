import { expect } from 'chai';
import { startSingleNodeCluster } from '../../support/redis/redis-cluster.js';
import type { RedisServer } from '../../support/redis/redis-server.js';
import { openRedisFixture } from './redis-fixture.js';

/** A proxy before a cluster behaves like this node: one address, and every call is refused whose keys are in several slots. */
describe('redis store on a cluster behind one address', function () {
  let server: RedisServer;
  this.timeout(30_000);
  before(async () => {
    server = await startSingleNodeCluster();
  });
  after(async () => {
    await server.stop();
  });

  it('records the requests of many players in one batch', async () => {
    const { store, close } = await openRedisFixture({ kind: 'single', url: server.url });
    const entries = Array.from({ length: 50 }, (_, i) => ({
      playerId: `player-${i}`,
      requestId: 'r1',
      sessionId: `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`,
      regionPool: { region: 'near', pool: 'console-x' },
    }));
    const recorded = await store.recordRequests(entries);
    expect(recorded.map(({ kind }) => kind)).to.deep.equal(entries.map(() => 'new'));
    const found = await store.findRequests(entries);
    expect(found.map((record) => record?.sessionId)).to.deep.equal(entries.map(({ sessionId }) => sessionId));
    await close();
  });
});
