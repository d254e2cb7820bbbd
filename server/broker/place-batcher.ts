import { placeName, type Place } from '../domain/catalog.js';
import { createTurnBatcher, type AddToBatch } from './turn-batcher.js';

/** One turn batcher per place, made when first used. There are as many as pools times regions. */
export function createPlaceBatcher<Item, Outcome>(
  run: (place: Place, items: readonly Item[]) => Promise<readonly Outcome[]>,
): (place: Place, item: Item) => Promise<Outcome> {
  const batchers = new Map<string, AddToBatch<Item, Outcome>>();
  return (place, item) => {
    const name = placeName(place);
    let add = batchers.get(name);
    if (add === undefined) {
      add = createTurnBatcher<Item, Outcome>((items) => run(place, items));
      batchers.set(name, add);
    }
    return add(item);
  };
}
