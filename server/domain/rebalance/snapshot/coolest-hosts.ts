import { isCooler, type PlannedHost } from './planned-host.js';

/**
 * The hosts of one region pool that can take moved sessions, least congested first: a binary heap, so that thousands of
 * moves among thousands of hosts stay cheap. Sessions are added to the first host only, which then sinks. A host that
 * loses a session keeps its position, which may be too far back; the order of the other hosts stays correct.
 */
export class CoolestHosts {
  readonly #heap: PlannedHost[];

  /** @param cap the highest congestion of a host that may take a session, as a share */
  constructor(
    hosts: readonly PlannedHost[],
    private readonly cap: number,
  ) {
    this.#heap = hosts.filter((host) => this.#takesOne(host));
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The least congested host that can take one more session. It stays in the heap: the caller plans the session on it. */
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
