const DEADLINE_MS = 3_000;

/** Buffers what arrives, so that nothing is missed, and rejects when what is awaited does not come. */
export class EventBuffer<Item> {
  readonly all: Item[] = [];
  readonly #unread: Item[] = [];
  readonly #name: string;
  #wake: () => void = () => undefined;

  constructor(name: string) {
    this.#name = name;
  }

  add(item: Item): void {
    this.all.push(item);
    this.#unread.push(item);
    this.#wake();
  }

  /** Takes the oldest unread item that fits, and leaves the others. */
  async next(fits: (item: Item) => boolean = () => true): Promise<Item> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const index = this.#unread.findIndex(fits);
      if (index >= 0) return this.#unread.splice(index, 1)[0]!;
      await this.#arrival(deadline - Date.now());
    }
  }

  #arrival(withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.#name}: it did not come; got ${JSON.stringify(this.all)}`)),
        Math.max(0, withinMs),
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
