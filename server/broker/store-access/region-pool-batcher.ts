import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { ServerClock } from '../../runtime/runtime.js';
import { createTickBatcher, type AddToBatch } from './tick-batcher.js';

/** One tick batcher per region pool, created at first use. The catalog bounds their number (pools times regions). */
export function createRegionPoolBatcher<Item, Outcome>(
  run: (regionPool: RegionPool, items: readonly Item[]) => Promise<readonly Outcome[]>,
  clock: Pick<ServerClock, 'runNextTurn'>,
): (regionPool: RegionPool, item: Item) => Promise<Outcome> {
  const batchers = new Map<string, AddToBatch<Item, Outcome>>();
  return (regionPool, item) => {
    const name = regionPoolName(regionPool);
    let add = batchers.get(name);
    if (add === undefined) {
      add = createTickBatcher<Item, Outcome>((items) => run(regionPool, items), clock);
      batchers.set(name, add);
    }
    return add(item);
  };
}
