import { DEFAULT_BACK_OFF } from '@duskline/server/domain/host-failures.js';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { assembleScripts, createScriptRunner } from '@duskline/server/store/redis/scripts/script-runner.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';

const SETTINGS = {
  suspectAfterMs: 4_000,
  offerMs: 15_000,
  resumeWindowMs: 120_000,
  backOff: DEFAULT_BACK_OFF,
  wakeUpsPrefix: 'p:',
};

describe('scripts in Redis', () => {
  let redis: Redis;

  beforeEach(async () => {
    redis = new Redis((await sharedRedis()).url);
  });
  afterEach(() => redis.disconnect());

  it('are loaded by Redis, every one of them', async () => {
    const scripts = assembleScripts(SETTINGS);
    expect(scripts.size).to.be.above(40);
    for (const [name, { lua }] of scripts) {
      expect(await redis.script('LOAD', lua), name).to.match(/^[0-9a-f]{40}$/);
    }
  });

  it('are refused when lists of one call differ in length', async () => {
    const keys = createKeySpace(uniquePrefix());
    const { runInPool } = createScriptRunner({ redis, keys, settings: SETTINGS, timeMs: () => null });
    const args = { sessionIds: [newSessionId(), newSessionId()], epochs: [1], hostIds: [], movable: [] };
    let error: unknown;
    await runInPool('moves/record-movable-changes', REGION_POOL, args).catch(
      (reason: unknown) => (error = reason),
    );
    expect(error)
      .to.be.instanceOf(RangeError)
      .with.property('message')
      .that.contains('"epochs" has 1 elements');
  });
});
