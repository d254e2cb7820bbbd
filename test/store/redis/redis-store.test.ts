import { sharedRedis } from '../../support/redis/redis-server.js';
import { describeStore } from '../conformance.js';
import { openRedisFixture } from './redis-fixture.js';

describeStore('redis store', async () =>
  openRedisFixture({ kind: 'single', url: (await sharedRedis()).url }),
);
