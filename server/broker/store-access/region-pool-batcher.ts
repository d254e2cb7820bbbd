import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { createTickBatcher, type AddToBatch } from './tick-batcher.js';

/** One turn batcher per place, made when first used. There are as many as pools times regions. */
export function createRegionPoolBatcher<Item, Outcome>(
  run: (place: RegionPool, items: readonly Item[]) => Promise<readonly Outcome[]>,
): (place: RegionPool, item: Item) => Promise<Outcome> {
  const batchers = new Map<string, AddToBatch<Item, Outcome>>();
  return (place, item) => {
    const name = regionPoolName(place);
    let add = batchers.get(name);
    if (add === undefined) {
      add = createTickBatcher<Item, Outcome>((items) => run(place, items));
      batchers.set(name, add);
    }
    return add(item);
  };
}
