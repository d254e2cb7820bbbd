import { SWEEP_STEPS, type LeaseStore, type SweepStep } from '../contracts/leases.js';
import { inGroups } from './batches.js';
import { MAX_POOLS, poolKeyLists } from './keys.js';
import { texts } from './records.js';
import type { RedisContext } from './redis-context.js';

/** As `lua/leases/find-due-sweeps.lua` names them. */
const STEP_CODES: Readonly<Record<SweepStep, string>> = {
  sessions: 's',
  records: 'r',
  offers: 'o',
  queue: 'q',
  silent: 'h',
};

/** Leases in Redis, and what there is to sweep, with one script call a region. */
export function createRedisLeases({ keys, run }: RedisContext): LeaseStore {
  return {
    acquireLease: async (region, holder, ttlMs) =>
      (await run('leases/acquire-lease', { lease: keys.lease(region) }, { holder, ttlMs })) === 1,

    async releaseLease(region, holder) {
      await run('leases/release-lease', { lease: keys.lease(region) }, { holder });
    },

    async findDueSweeps(region, pools, { silentForMs, queueGraceMs }) {
      const replies = await Promise.all(
        inGroups(pools, MAX_POOLS).map((group) =>
          run('leases/find-due-sweeps', poolKeyLists(keys, region, group), { silentForMs, queueGraceMs }),
        ),
      );
      return replies.flatMap((reply) => texts(reply).map(decodeSteps));
    },
  };
}

function decodeSteps(codes: string): SweepStep[] {
  return SWEEP_STEPS.filter((step) => codes.includes(STEP_CODES[step]));
}
