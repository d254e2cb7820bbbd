import { once } from 'node:events';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import {
  DEFAULT_REDIS_TIMEOUTS,
  connect,
  createConnection,
  endConnection,
} from '@duskline/server/store/redis/connection.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { createWakeUps, type WakeUps } from '@duskline/server/store/redis/wake-ups.js';
import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';

const BROKER_ID = 'listener';

describe('wake-ups whose subscriber reconnects', () => {
  let server: RedisServer;
  let redis: Redis;
  let subscriber: Redis;
  let wakeUps: WakeUps;
  const received: string[] = [];

  beforeEach(async () => {
    server = await startRedisServer();
    const { clock, random } = systemRuntime;
    const open = (): Redis => createConnection({ kind: 'single', url: server.url }, random) as Redis;
    redis = open();
    subscriber = open();
    await connect(redis, clock);
    await connect(subscriber, clock);
    received.length = 0;
    wakeUps = createWakeUps({
      redis,
      subscriber,
      openSubscriber: open,
      keys: createKeySpace('test'),
      // No echo check: the subscriber has to recover by itself.
      timeouts: { ...DEFAULT_REDIS_TIMEOUTS, echoIntervalMs: 60_000 },
      runtime: systemRuntime,
    });
    await wakeUps.listen(BROKER_ID, ({ region }) => received.push(region));
  });

  afterEach(async () => {
    wakeUps.close();
    endConnection(redis);
    await server.stop();
  });

  async function cutSubscriber(): Promise<void> {
    const closed = once(subscriber, 'close');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await closed;
  }

  it('arrive again', async () => {
    await cutSubscriber();
    await once(subscriber, 'ready');
    const arrived = once(subscriber, 'message');
    // Pings answer in the order of the commands, so the subscription before it is complete.
    await subscriber.ping();
    wakeUps.send(BROKER_ID, REGION_POOL);
    await arrived;
    expect(received).to.deep.equal([REGION_POOL.region]);
  });

  it('cause no unhandled rejection when the connection is lost again before it is subscribed', async () => {
    const rejections: unknown[] = [];
    const record = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', record);
    try {
      await cutSubscriber();
      await once(subscriber, 'connect');
      const isReady = once(subscriber, 'ready');
      const { stream } = subscriber;
      // With the answer that makes the connection ready, the socket becomes one that cannot be written.
      stream.on('data', (data: Buffer) => {
        if (data.includes('redis_version')) stream.end();
      });
      await isReady;
      await once(subscriber, 'close');
      await once(subscriber, 'ready');
      expect(rejections).to.deep.equal([]);
    } finally {
      process.off('unhandledRejection', record);
    }
  });
});
