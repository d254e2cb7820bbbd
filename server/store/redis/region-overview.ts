import type { PoolOverview, RegionOverview } from '../contracts/hosts.js';
import { inGroups } from './batches.js';
import { decodeDrain } from './drain-records.js';
import { MAX_POOLS, poolKeyLists } from './keys.js';
import { StoredFormatError, texts } from './records.js';
import type { RedisContext } from './redis-context.js';

/** How many numbers `lua/hosts/get-region-overview.lua` returns for each region pool. */
const OVERVIEW_FIELDS = 5;

/** See `HostStore.getRegionOverview`. */
export async function getRegionOverview(
  { keys, run }: RedisContext,
  region: string,
  pools: readonly string[],
  brokerId: string,
): Promise<RegionOverview> {
  const overviews = await Promise.all(
    inGroups(pools, MAX_POOLS).map(async (group) => {
      const overviewKeys = { drains: keys.drains(region), ...poolKeyLists(keys, region, group) };
      return decodeRegionOverview(await run('hosts/get-region-overview', overviewKeys, { brokerId }));
    }),
  );
  return {
    drains: overviews[0]?.drains ?? [],
    regionPools: overviews.flatMap(({ regionPools }) => regionPools),
  };
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
  inboxItems = 0,
]: readonly number[]): PoolOverview {
  return { hosts, utilisation: { sessions, slots }, waiting, hasInboxItems: inboxItems === 1 };
}
