import sortedBtree from 'sorted-btree';

interface DueKey {
  readonly atMs: number;
  readonly order: number;
  readonly sessionId: string;
}

const BTree = sortedBtree.default;

/** When sessions become due: in the order of their times; those of one time in the order in which they came. */
export class DueList {
  readonly #order = new BTree<DueKey, undefined>(undefined, compareDue);
  readonly #keys = new Map<string, DueKey>();
  #count = 0;

  set(sessionId: string, atMs: number): void {
    this.delete(sessionId);
    this.#count += 1;
    const key = { atMs, order: this.#count, sessionId };
    this.#keys.set(sessionId, key);
    this.#order.set(key, undefined);
  }

  delete(sessionId: string): void {
    const key = this.#keys.get(sessionId);
    if (key === undefined) return;
    this.#order.delete(key);
    this.#keys.delete(sessionId);
  }

  isDue(sessionId: string, nowMs: number): boolean {
    const key = this.#keys.get(sessionId);
    return key !== undefined && key.atMs <= nowMs;
  }

  /** Up to `limit` sessions whose time has come, the oldest first. */
  dueBy(nowMs: number, limit: number): string[] {
    const due: string[] = [];
    for (const { atMs, sessionId } of this.#order.keys()) {
      if (atMs > nowMs || due.length >= limit) break;
      due.push(sessionId);
    }
    return due;
  }

  /** All of it, in order: for the model test. */
  entries(): [sessionId: string, atMs: number][] {
    return this.#order.keysArray().map(({ sessionId, atMs }) => [sessionId, atMs]);
  }
}

function compareDue(a: DueKey, b: DueKey): number {
  return a.atMs - b.atMs || a.order - b.order;
}
