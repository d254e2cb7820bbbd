/**
 * Minimum-cost flow by successive shortest augmenting paths (Ahuja, Magnanti and Orlin, Network Flows, 1993, ch. 9). After
 * each unit the flow is the cheapest of its size, so a cost limit is kept by stopping. All paths of equal cost are found in
 * one phase (as in Dinic's algorithm for equal length), in the order of the sources; no later unit takes away the flow of a
 * source.
 */
export class FlowNetwork {
  /** Arcs come in pairs: `arc ^ 1` is the reverse arc. */
  readonly #to: number[] = [];
  readonly #cost: number[] = [];
  readonly #capacity: number[] = [];
  #residual: number[] = [];
  readonly #arcsOf: number[][] = [];

  get arcs(): number {
    return this.#to.length / 2;
  }

  addNode(): number {
    return this.#arcsOf.push([]) - 1;
  }

  /** @returns the arc. Among a node's arcs of equal cost, the one that was added first is tried first. */
  addArc(from: number, to: number, capacity: number, cost: number): number {
    const arc = this.#to.push(to, from) - 2;
    this.#cost.push(cost, -cost);
    this.#capacity.push(capacity, 0);
    this.#arcsOf[from]?.push(arc);
    this.#arcsOf[to]?.push(arc + 1);
    return arc;
  }

  capacityOf(arc: number): number {
    return this.#capacity[arc] ?? 0;
  }

  setCapacity(arc: number, capacity: number): void {
    this.#capacity[arc] = capacity;
  }

  /** Units that the last `send` sent through the arc. */
  flowOf(arc: number): number {
    return this.#residual[arc ^ 1] ?? 0;
  }

  /**
   * Sends as many units as possible at the least total cost, at most one from each source.
   *
   * @param sources nodes in the order of their priority; the same node may occur several times
   * @param affords called with the cost of each unit before it is sent; costs never decrease. `false` stops the flow.
   * @returns for each source whether its unit was sent
   */
  send(sources: readonly number[], sink: number, affords: (cost: number) => boolean): boolean[] {
    this.#residual = [...this.#capacity];
    const sent = sources.map(() => false);
    for (;;) {
      const phase = new Phase(this.#arcsOf.length, this.#distancesTo(sink));
      let cost = Infinity;
      sources.forEach((node, i) => {
        if (sent[i] !== true) cost = Math.min(cost, phase.distanceOf(node));
      });
      if (cost === Infinity) return sent;
      for (const [i, node] of sources.entries()) {
        if (sent[i] === true || phase.distanceOf(node) !== cost) continue;
        const path = this.#findPath(node, sink, phase);
        if (path === undefined) continue;
        if (!affords(cost)) return sent;
        for (const arc of path) this.#pushUnit(arc);
        sent[i] = true;
      }
    }
  }

  #pushUnit(arc: number): void {
    this.#residual[arc] = (this.#residual[arc] ?? 0) - 1;
    this.#residual[arc ^ 1] = (this.#residual[arc ^ 1] ?? 0) + 1;
  }

  /** Cost of the cheapest path to the sink from each node: Bellman-Ford with a queue, since reverse arcs have negative cost. */
  #distancesTo(sink: number): Float64Array {
    const distance = new Float64Array(this.#arcsOf.length).fill(Infinity);
    const queued = new Uint8Array(this.#arcsOf.length);
    distance[sink] = 0;
    let wave = [sink];
    while (wave.length > 0) {
      const next: number[] = [];
      for (const node of wave) {
        queued[node] = 0;
        const base = distance[node] ?? Infinity;
        for (const back of this.#arcsOf[node] ?? []) {
          const arc = back ^ 1;
          if ((this.#residual[arc] ?? 0) <= 0) continue;
          const from = this.#to[back] ?? 0;
          const through = base + (this.#cost[arc] ?? 0);
          if (through >= (distance[from] ?? Infinity)) continue;
          distance[from] = through;
          if (queued[from] === 0) {
            queued[from] = 1;
            next.push(from);
          }
        }
      }
      wave = next;
    }
    return distance;
  }

  /** Finds a cheapest path from `start` to the sink. */
  #findPath(start: number, sink: number, phase: Phase): number[] | undefined {
    for (;;) {
      const path = this.#walkToSink(start, sink, phase);
      if (path !== undefined) {
        phase.recordPath(path.map((arc) => this.#to[arc ^ 1] ?? start));
        return path;
      }
      if (!phase.isStale) return undefined;
      // Units that were sent since the marks were set may have opened nodes that were dead ends: search again without marks.
      phase.forget();
    }
  }

  /** Depth-first search along arcs of cheapest paths. */
  #walkToSink(start: number, sink: number, phase: Phase): number[] | undefined {
    if (!phase.visit(start)) return undefined;
    const path: number[] = [];
    for (let node = start; node !== sink;) {
      const arc = this.#arcsOf[node]?.[phase.nextTry(node)];
      if (arc === undefined) {
        // Dead end: go back one step and try the next arc there.
        const last = path.pop();
        if (last === undefined) return undefined;
        node = this.#to[last ^ 1] ?? start;
        phase.advance(node);
        continue;
      }
      const to = this.#to[arc] ?? 0;
      const isCheapest = phase.distanceOf(to) + (this.#cost[arc] ?? 0) === phase.distanceOf(node);
      if (isCheapest && (this.#residual[arc] ?? 0) > 0 && (to === sink || phase.visit(to))) {
        path.push(arc);
        node = to;
      } else {
        phase.advance(node);
      }
    }
    return path;
  }
}

/**
 * Search state while units of one cost are sent: distances to the sink, visited nodes, and the next arc to try at each node.
 * Marks hold the number of the generation that set them, so that `forget` does not have to clear arrays.
 */
class Phase {
  /** Whether units were sent since this generation of marks began, so that marked dead ends may be open again. */
  isStale = false;
  readonly #visitedIn: Int32Array;
  readonly #triedIn: Int32Array;
  readonly #tried: Int32Array;
  #generation = 1;

  constructor(
    nodes: number,
    private readonly distance: Float64Array,
  ) {
    this.#visitedIn = new Int32Array(nodes);
    this.#triedIn = new Int32Array(nodes);
    this.#tried = new Int32Array(nodes);
  }

  distanceOf(node: number): number {
    return this.distance[node] ?? Infinity;
  }

  /** Marks the node as visited. @returns whether it was not marked before */
  visit(node: number): boolean {
    if (this.#visitedIn[node] === this.#generation) return false;
    this.#visitedIn[node] = this.#generation;
    return true;
  }

  /** Index of the arc to try next at this node. */
  nextTry(node: number): number {
    if (this.#triedIn[node] !== this.#generation) {
      this.#triedIn[node] = this.#generation;
      this.#tried[node] = 0;
    }
    return this.#tried[node] ?? 0;
  }

  advance(node: number): void {
    this.#tried[node] = this.nextTry(node) + 1;
  }

  /** Clears the visited marks of a path to the sink. */
  recordPath(nodes: readonly number[]): void {
    for (const node of nodes) this.#visitedIn[node] = 0;
    this.isStale = true;
  }

  /** Starts a new generation of marks. */
  forget(): void {
    this.#generation += 1;
    this.isStale = false;
  }
}
