/**
 * A network in which units flow at the least cost: successive shortest augmenting paths (Ahuja, Magnanti and Orlin,
 * Network Flows, 1993, ch. 9). After each unit the flow is the cheapest of its size, so that a limit on cost is kept by
 * stopping. Paths of equal cost are found in one phase (as Dinic's algorithm does for equal length), source by source in
 * the order of their rank; what a phase gave a source, no later unit takes away again.
 */
export class FlowNetwork {
  /** Arcs come in pairs: `arc ^ 1` is the way back. */
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

  /** @returns the arc; of a node's arcs of equal cost the one that was added first is tried first */
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

  /** What flows through the arc since the last `send`. */
  flowOf(arc: number): number {
    return this.#residual[arc ^ 1] ?? 0;
  }

  /**
   * Sends as many units as it can, one from each source at most, and those at the least cost.
   *
   * @param sources nodes, those of the highest rank first; several may be the same node
   * @param affords called with the cost of a unit before it is sent, never less than the one before; `false` ends it
   * @returns for every source whether its unit was sent
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
        for (const arc of path) this.#push(arc);
        sent[i] = true;
      }
    }
  }

  #push(arc: number): void {
    this.#residual[arc] = (this.#residual[arc] ?? 0) - 1;
    this.#residual[arc ^ 1] = (this.#residual[arc ^ 1] ?? 0) + 1;
  }

  /** Cost of the cheapest way to the sink, by Bellman and Ford with a queue: ways back have negative cost. */
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

  /** Depth first along arcs that lie on cheapest ways. */
  #findPath(start: number, sink: number, phase: Phase): number[] | undefined {
    for (;;) {
      const path = this.#follow(start, sink, phase);
      if (path !== undefined) {
        phase.noteFound(path.map((arc) => this.#to[arc ^ 1] ?? start));
        return path;
      }
      if (!phase.isStale) return undefined;
      // Since the marks were set, units went other ways and may have opened some: once more without them.
      phase.forget();
    }
  }

  #follow(start: number, sink: number, phase: Phase): number[] | undefined {
    if (!phase.visit(start)) return undefined;
    const path: number[] = [];
    for (let node = start; node !== sink;) {
      const arc = this.#arcsOf[node]?.[phase.nextTry(node)];
      if (arc === undefined) {
        // A dead end: one step back, and on to the next arc there.
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
 * What is known while units of one cost are sent: how far each node is from the sink, which nodes led nowhere, and how
 * far the arcs of each were tried. Marks carry the number of their time, so that they need no clearing.
 */
class Phase {
  /** Whether units were sent since the marks were begun: marks may be too dark then. */
  isStale = false;
  readonly #visitedIn: Int32Array;
  readonly #triedIn: Int32Array;
  readonly #tried: Int32Array;
  #time = 1;

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

  /** @returns whether it was not visited yet */
  visit(node: number): boolean {
    if (this.#visitedIn[node] === this.#time) return false;
    this.#visitedIn[node] = this.#time;
    return true;
  }

  /** The index of the arc to be tried now. */
  nextTry(node: number): number {
    if (this.#triedIn[node] !== this.#time) {
      this.#triedIn[node] = this.#time;
      this.#tried[node] = 0;
    }
    return this.#tried[node] ?? 0;
  }

  advance(node: number): void {
    this.#tried[node] = this.nextTry(node) + 1;
  }

  /** @param nodes those of a path to the sink: they do lead somewhere */
  noteFound(nodes: readonly number[]): void {
    for (const node of nodes) this.#visitedIn[node] = 0;
    this.isStale = true;
  }

  forget(): void {
    this.#time += 1;
    this.isStale = false;
  }
}
