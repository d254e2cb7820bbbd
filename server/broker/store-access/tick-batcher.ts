import type { ServerClock } from '../../runtime/runtime.js';

/** Adds an item to the batch of this turn of the event loop. Resolves with the item's outcome. */
export type AddToBatch<Item, Outcome> = (item: Item) => Promise<Outcome>;

interface PendingItem<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Creates a batcher that sends all items of one turn of the event loop in one call, right after the loop has read its
 * sockets. There is no timer, and a batch does not wait for the one before.
 *
 * @param run receives the items in the order of their addition; returns one outcome per item, in the same order
 */
export function createTickBatcher<Item, Outcome>(
  run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
  clock: Pick<ServerClock, 'runNextTurn'>,
): AddToBatch<Item, Outcome> {
  async function send(batch: readonly PendingItem<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await run(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i];
        if (outcome === undefined)
          reject(new Error(`the batch returned ${outcomes.length} outcomes for ${batch.length} items`));
        else resolve(outcome);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  const add = collectPerTurn<PendingItem<Item, Outcome>>((batch) => void send(batch), clock);
  return (item) => new Promise((resolve, reject) => add({ item, resolve, reject }));
}

/**
 * Like `createTickBatcher`, for items whose outcomes nobody needs: no promise is made for them, and a call that fails is not repeated.
 */
export function createUnansweredBatcher<Item>(
  run: (items: readonly Item[]) => Promise<unknown>,
  clock: Pick<ServerClock, 'runNextTurn'>,
): (item: Item) => void {
  return collectPerTurn<Item>((batch) => void run(batch).catch(ignoreFailure), clock);
}

/** Collects the items of one turn of the event loop, and passes them on in the next one. */
function collectPerTurn<Item>(
  passOn: (items: readonly Item[]) => void,
  clock: Pick<ServerClock, 'runNextTurn'>,
): (item: Item) => void {
  let pending: Item[] = [];

  function flush(): void {
    const batch = pending;
    pending = [];
    passOn(batch);
  }

  return (item) => {
    if (pending.length === 0) clock.runNextTurn(flush);
    pending.push(item);
  };
}

function ignoreFailure(): void {
  // Nothing is left to do here.
}
