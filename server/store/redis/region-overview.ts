import {
  SWEEP_STEPS,
  type PoolOverview,
  type RegionOverview,
  type RegionOverviewStore,
  type SweepStep,
} from '../contracts/region-overview.js';
import type { KeySpace, PoolKey } from './keys.js';
import { decodeDrain } from './drains.js';
import { StoredFormatError, inGroups, texts } from './records.js';
import type { RunScript } from './scripts.js';

interface RegionOverviewContext {
  readonly keys: KeySpace;
  readonly run: RunScript;
  /** What time it is, when a test says so. */
  readonly clock: () => number | '';
}

/** One script call looks at so many places at the most: bounds how long Redis serves nobody else. */
const MAX_POOLS = 64;

const OVERVIEW_KEYS = ['hosts', 'totals', 'inbox', 'queue'] as const satisfies readonly PoolKey[];

const DUE_KEYS = [
  'reserved',
  'arriving',
  'disconnected',
  'ended',
  'offers',
  'attended',
  'heartbeats',
  'queue',
  'inbox',
  'totals',
] as const satisfies readonly PoolKey[];

/** Numbers that `lua/hosts/get-region-overview.lua` gives of each place. */
const OVERVIEW_FIELDS = 5;

/** As `lua/leases/find-due-sweeps.lua` names them. */
const STEP_CODES: Readonly<Record<SweepStep, string>> = {
  sessions: 's',
  records: 'r',
  offers: 'o',
  queue: 'q',
  silent: 'h',
};

/** What brokers ask all the time, in one script call a region. */
export function createRegionOverview({ keys, run, clock }: RegionOverviewContext): RegionOverviewStore {
  const keysOf = (region: string, pools: readonly string[], names: readonly PoolKey[]): string[] =>
    pools.flatMap((pool) => names.map((name) => keys.poolKey({ region, pool }, name)));

  return {
    async getRegionOverview(region, pools, brokerId) {
      const drains = keys.drains(region);
      const [first = { drains: [], regionPools: [] }, ...others] = await Promise.all(
        groupsOf(pools).map(async (group) =>
          decodeRegionOverview(
            await run(
              'hosts/get-region-overview',
              [drains, ...keysOf(region, group, OVERVIEW_KEYS)],
              [clock(), brokerId],
            ),
          ),
        ),
      );
      return {
        drains: first.drains,
        regionPools: [first, ...others].flatMap(({ regionPools: places }) => places),
      };
    },

    async findDueSweeps(region, pools, { silentForMs, queueGraceMs }) {
      const replies = await Promise.all(
        groupsOf(pools).map((group) =>
          run('leases/find-due-sweeps', keysOf(region, group, DUE_KEYS), [
            clock(),
            silentForMs,
            queueGraceMs,
          ]),
        ),
      );
      return replies.flatMap((reply) => texts(reply).map(decodeSteps));
    },
  };
}

function groupsOf(pools: readonly string[]): readonly (readonly string[])[] {
  return inGroups(pools, MAX_POOLS);
}

function decodeRegionOverview(reply: unknown): RegionOverview {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  const [drains, ...fields] = reply as unknown[];
  return {
    drains: texts(drains).map(decodeDrain),
    regionPools: inGroups(fields.map(Number), OVERVIEW_FIELDS).map(decodePoolOverview),
  };
}

function decodePoolOverview([
  hosts = 0,
  sessions = 0,
  slots = 0,
  waiting = 0,
  mail = 0,
]: readonly number[]): PoolOverview {
  return { hosts, utilisation: { sessions, slots }, waiting, hasInboxItems: mail === 1 };
}

function decodeSteps(letters: string): SweepStep[] {
  return SWEEP_STEPS.filter((step) => letters.includes(STEP_CODES[step]));
}
