const DEADLINE_MS = 3_000;

/** Keeps what comes until a test asks for it; `next` rejects at its deadline and says what came instead. */
export class EventBuffer<Item> {
  readonly #items: Item[] = [];
  #wake: () => void = () => undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  get waiting(): readonly Item[] {
    return this.#items;
  }

  /** The next one that fits; those before it stay. */
  async next(fits: (item: Item) => boolean = () => true): Promise<Item> {
    const deadlineMs = Date.now() + DEADLINE_MS;
    for (;;) {
      const index = this.#items.findIndex(fits);
      const [found] = index < 0 ? [] : this.#items.splice(index, 1);
      if (found !== undefined) return found;
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(`Nothing that fits came; waiting: ${JSON.stringify(this.#items)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
