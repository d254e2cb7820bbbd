import { isCooler, type PlannedHost } from './planned-host.js';

/**
 * The hosts of one place that take moves, coolest first: a binary heap, so that a plan of thousands of moves stays
 * cheap in a place of thousands of hosts. Sessions arrive at the first host only, which then sinks; a host that cools
 * down meanwhile may stand too far back, and none of the others stands wrong for that.
 */
export class CoolestHosts {
  readonly #heap: PlannedHost[];

  /** @param cap no host above this share */
  constructor(
    hosts: readonly PlannedHost[],
    private readonly cap: number,
  ) {
    this.#heap = hosts.filter((host) => this.#takesOne(host));
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The coolest host that takes one more. It stays here: what arrives at it is noted on the host. */
  peek(): PlannedHost | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#takesOne(top)) {
        this.#sink(0);
        if (this.#heap[0] === top) return top;
      } else {
        const last = this.#heap.pop();
        if (last === undefined || last === top) return undefined;
        this.#heap[0] = last;
        this.#sink(0);
      }
    }
    return undefined;
  }

  #takesOne(host: PlannedHost): boolean {
    return host.movesLeft > 0 && host.roomUnder(this.cap) > 0;
  }

  #sink(start: number): void {
    for (let at = start; ;) {
      const left = 2 * at + 1;
      let first = at;
      if (this.#isBefore(left, first)) first = left;
      if (this.#isBefore(left + 1, first)) first = left + 1;
      const [above, below] = [this.#heap[at], this.#heap[first]];
      if (first === at || above === undefined || below === undefined) return;
      this.#heap[at] = below;
      this.#heap[first] = above;
      at = first;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    return a !== undefined && b !== undefined && isCooler(a, b);
  }
}
