import { expect } from 'chai';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { createMemoryStore, type MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';
import { registerTestHosts } from '../fixture.js';
import { EXCLUDED_HOST_ABOVE_LIMIT } from './model-examples.js';
import { steps } from './model-operations.js';
import { MODEL_RULES, createModelContext, type Step, type ModelContext } from './model-step.js';
import { expectConsistent } from './pool-consistency.js';
import { dumpMemory, dumpRedis, type PoolDump, type Scores } from './pool-dump.js';

const SEQUENCES = 300;

/** Number of steps between comparisons of the whole state. It is also compared at the end of every sequence. */
const COMPARE_EVERY = 8;

/** The sessions for which a slot is kept, in the order of their ids. The stores forget the others at different steps. */
function lostAt({ lost }: PoolDump, nowMs: number): Scores {
  return lost.filter(([, untilMs]) => untilMs > nowMs).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('random operations', function () {
  this.timeout(120_000);

  const prefix = uniquePrefix();
  let clock: ManualClock;
  let memory: MemoryStore;
  let redis: FleetStore;
  let raw: Redis;
  let sequences = 0;

  before(async () => {
    const { url } = await sharedRedis();
    clock = new ManualClock();
    memory = createMemoryStore({ ...MODEL_RULES, clock });
    redis = await createRedisStore({
      ...MODEL_RULES,
      target: { kind: 'single', url },
      prefix,
      storeTimeMs: () => clock.wallMs(),
    });
    raw = new Redis(url);
  });
  after(async () => {
    raw.disconnect();
    await redis.close();
  });

  async function compareStates(context: ModelContext): Promise<void> {
    const model = dumpMemory(memory, context.regionPool);
    const real = await dumpRedis(raw, prefix, context.regionPool);
    expect(lostAt(real, context.now())).to.deep.equal(lostAt(model, context.now()));
    expect({ ...real, lost: [] }).to.deep.equal({ ...model, lost: [] });
    expectConsistent(real);
  }

  async function play(sequence: readonly Step[]): Promise<void> {
    sequences += 1;
    const context = createModelContext(memory, clock, sequences);
    for (const store of [memory, redis]) await registerTestHosts(store, context.regionPool);
    for (const [i, step] of sequence.entries()) {
      // Entries that are due in the same millisecond may expire in any order, so each step gets a millisecond of its own.
      clock.advance(1);
      const call = step.prepare(context);
      const expected = await call(memory);
      const answer = await call(redis);
      expect(answer, `answer to step ${i}, ${step.toString()}`).to.deep.equal(expected);
      if (i % COMPARE_EVERY === 0) await compareStates(context);
    }
    await compareStates(context);
  }

  it('return the same outcomes and leave the same state on the memory store and on Redis', async () => {
    // On failure fast-check reports the seed and the shortest sequence that fails.
    await fc.assert(fc.asyncProperty(steps, play), {
      numRuns: SEQUENCES,
      examples: [[EXCLUDED_HOST_ABOVE_LIMIT]],
    });
  });
});
