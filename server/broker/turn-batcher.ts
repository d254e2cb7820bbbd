/** Collects what arrives in one turn of the event loop, and runs it as one call per key. */
export type AddToBatch<Item, Outcome> = (item: Item) => Promise<Outcome>;

interface Waiting<Item, Outcome> {
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
export function createTurnBatcher<Item, Outcome>(
  run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
): AddToBatch<Item, Outcome> {
  let waiting: Waiting<Item, Outcome>[] = [];

  async function flush(): Promise<void> {
    const batch = waiting;
    waiting = [];
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
      if (waiting.length === 0) setImmediate(() => void flush());
      waiting.push({ item, resolve, reject });
    });
}
