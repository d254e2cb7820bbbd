import { inspect } from 'node:util';
import { within } from './time/deadline.js';

const DEADLINE_MS = 3_000;

/** Buffers events until a test takes them, so that none is missed. */
export class EventBuffer<Item> {
  /** All items so far, also those that were taken. */
  readonly all: Item[] = [];
  readonly #name: string;
  readonly #unread: Item[] = [];
  readonly #waiting = new Set<() => void>();

  /** @param name one item, for the error of `next` */
  constructor(name: string) {
    this.#name = name;
  }

  /** Items that no test has taken. */
  get unread(): readonly Item[] {
    return this.#unread;
  }

  add(item: Item): void {
    this.all.push(item);
    this.#unread.push(item);
    for (const check of [...this.#waiting]) check();
  }

  /**
   * Removes and returns the oldest unread item that `fits` accepts. Other items stay. Rejects at the deadline; the error
   * lists the unread items.
   */
  async next(fits: (item: Item) => boolean = () => true): Promise<Item> {
    let check: () => void = () => undefined;
    const found = new Promise<Item>((resolve) => {
      check = () => {
        const index = this.#unread.findIndex(fits);
        if (index < 0) return;
        this.#waiting.delete(check);
        resolve(this.#unread.splice(index, 1)[0]!);
      };
      this.#waiting.add(check);
      check();
    });
    try {
      const awaited = (): string => `${this.#name} that fits; unread: ${inspect(this.#unread, { depth: 2 })}`;
      return await within(DEADLINE_MS, awaited, found);
    } finally {
      this.#waiting.delete(check);
    }
  }
}
