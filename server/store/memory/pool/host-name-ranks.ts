import sortedBtree from 'sorted-btree';

const BTree = sortedBtree.default;

/** Between the ranks of names that came one after the other: room for some forty names between any two. */
const GAP = 65_536;

/**
 * Names by number, each with a rank: of two names the lesser one has the lesser rank. So whoever sorts by names compares
 * numbers, which stand beside what else is sorted by, and looks at no text.
 */
export class HostNameRanks {
  readonly #numbers = new BTree<string, number>(undefined, compareText);
  readonly #unused: number[] = [];
  readonly #onRespread: () => void;
  #ranks = new Float64Array(64);

  /** @param onRenewed hears that all ranks are others; their order is the same */
  constructor(onRenewed: () => void) {
    this.#onRespread = onRenewed;
  }

  /** Gives a name a number: the smallest ones that no name has. */
  add(name: string): number {
    const number = this.#unused.pop() ?? this.#numbers.size;
    const lower = this.#numbers.nextLowerPair(name);
    const higher = this.#numbers.nextHigherPair(name);
    this.#numbers.set(name, number);
    if (number >= this.#ranks.length) this.#ranks = grown(this.#ranks);
    const from = lower === undefined ? undefined : this.rankOf(lower[1]);
    const to = higher === undefined ? undefined : this.rankOf(higher[1]);
    const rank = between(from, to);
    this.#ranks[number] = rank;
    if (rank === from || rank === to) this.#respread();
    return number;
  }

  remove(name: string): void {
    const number = this.#numbers.get(name);
    if (number === undefined) return;
    this.#numbers.delete(name);
    this.#unused.push(number);
  }

  rankOf(number: number): number {
    return this.#ranks[number] ?? 0;
  }

  /** No number is left between two: all are spread anew. */
  #respread(): void {
    let rank = 0;
    for (const number of this.#numbers.values()) this.#ranks[number] = rank += GAP;
    this.#onRespread();
  }
}

function between(from: number | undefined, to: number | undefined): number {
  if (from === undefined) return to === undefined ? 0 : to - GAP;
  return to === undefined ? from + GAP : (from + to) / 2;
}

function grown(ranks: Float64Array): Float64Array<ArrayBuffer> {
  const more = new Float64Array(ranks.length * 2);
  more.set(ranks);
  return more;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
