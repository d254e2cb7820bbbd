/** Collects what arrives in one turn of the event loop, and runs it as one call per key. */
export type AddToBatch<Item, Outcome> = (item: Item) => Promise<Outcome>;

interface PendingItem<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Batches per turn: everything added while the event loop reads its sockets goes out together when it is
 * done (`setImmediate` runs right after the poll phase). Nothing waits on a timer, and a batch does not
 * wait for the answer to the one before.
 *
 * @param run gets the items in the order in which they were added, and answers each at its index
 */
export function createTickBatcher<Item, Outcome>(
  run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
): AddToBatch<Item, Outcome> {
  let pending: PendingItem<Item, Outcome>[] = [];

  async function flush(): Promise<void> {
    const batch = pending;
    pending = [];
    try {
      const outcomes = await run(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i];
        if (outcome === undefined) reject(new Error('a batch was answered in part'));
        else resolve(outcome);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(() => void flush());
      pending.push({ item, resolve, reject });
    });
}
