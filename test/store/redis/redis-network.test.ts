import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import { waitUntil, retryUntilSuccess } from '../../support/time/eventually.js';
import { sharedRedis } from '../../support/redis/redis-server.js';
import { startTcpProxy, type TcpProxy } from '../../support/network/tcp-proxy.js';
import { makeHostReady } from '../fixture.js';
import { ANSWER_WITHIN_MS, SHORT_TIMEOUTS, openRedisFixture, type RedisFixture } from './redis-fixture.js';
import { startBackgroundCalls, type BackgroundCalls } from './background-calls.js';

describe('redis store when the network to Redis fails', function () {
  this.timeout(30_000);
  let proxy: TcpProxy;
  let fixture: RedisFixture;
  let background: BackgroundCalls;
  let other: FleetStore;
  let wakeUps: number;
  beforeEach(async () => {
    proxy = await startTcpProxy({ port: (await sharedRedis()).port });
    fixture = await openRedisFixture(
      { kind: 'single', url: `redis://127.0.0.1:${proxy.port}` },
      SHORT_TIMEOUTS,
    );
    other = await fixture.another();
    wakeUps = 0;
    await other.onWakeUp('broker-b', () => (wakeUps += 1));
    await makeHostReady(fixture.store, 'host-a', { slots: 512 });
    background = startBackgroundCalls(fixture.store, 'host-a');
  });
  afterEach(async () => {
    await fixture.close();
    await proxy.stop();
  });

  async function expectRecovery(): Promise<void> {
    await retryUntilSuccess(() => fixture.store.ping(), 8_000);
    wakeUps = 0;
    await waitUntil(() => {
      fixture.store.sendWakeUp('broker-b', REGION_POOL);
      return wakeUps > 0;
    }, 8_000);
    await retryUntilSuccess(() => other.ping(), 8_000);
    await background.stop();
    expect(Math.max(...background.calls.map(({ tookMs }) => tookMs))).to.be.below(ANSWER_WITHIN_MS);
  }

  const rejected = (): boolean => background.calls.some(({ outcome }) => outcome === 'unavailable');

  it('rejects calls while connections are cut, and recovers when they are restored', async () => {
    proxy.cut();
    await waitUntil(rejected);
    proxy.restore();
    await expectRecovery();
  });

  it('rejects calls while the network drops every packet, and recovers when it is restored', async () => {
    proxy.freeze();
    await waitUntil(rejected);
    proxy.restore();
    await expectRecovery();
  });

  it('replaces dead connections, including the idle one that receives wake-ups', async () => {
    proxy.abandon();
    await waitUntil(rejected);
    await expectRecovery();
  });
});
