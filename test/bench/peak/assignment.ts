/** A player's round-trip times in milliseconds, by region. Only these regions may serve the player. */
export interface RegionRequest {
  readonly rtt: Readonly<Record<string, number>>;
}

export interface Assignment {
  readonly served: number;
  /** Mean over the served players, in milliseconds. */
  readonly meanRttMs: number;
}

interface Arc {
  readonly to: number;
  readonly cost: number;
  capacity: number;
  readonly back: number;
}

/**
 * The optimal assignment with full knowledge of all requests: it serves the most players, with the smallest sum of
 * round-trip times. Minimum-cost maximum flow by successive shortest paths (Bellman and Ford). It shares no code with the
 * rebalancer, whose result is compared with it.
 */
export function bestAssignment(
  requests: readonly RegionRequest[],
  capacity: Readonly<Record<string, number>>,
): Assignment {
  const regions = Object.keys(capacity);
  const source = requests.length + regions.length;
  const sink = source + 1;
  const arcs: Arc[][] = Array.from({ length: sink + 1 }, () => []);
  const connect = (from: number, to: number, cost: number, limit: number): void => {
    arcs[from]!.push({ to, cost, capacity: limit, back: arcs[to]!.length });
    arcs[to]!.push({ to: from, cost: -cost, capacity: 0, back: arcs[from]!.length - 1 });
  };
  requests.forEach(({ rtt }, player) => {
    connect(source, player, 0, 1);
    regions.forEach((region, i) => {
      const rttMs = rtt[region];
      if (rttMs !== undefined) connect(player, requests.length + i, rttMs, 1);
    });
  });
  regions.forEach((region, i) => connect(requests.length + i, sink, 0, capacity[region]!));

  let served = 0;
  let sumMs = 0;
  for (;;) {
    const path = shortestPath(arcs, source, sink);
    if (path === undefined) return { served, meanRttMs: served === 0 ? 0 : sumMs / served };
    for (const arc of path) {
      arc.capacity -= 1;
      arcs[arc.to]![arc.back]!.capacity += 1;
      sumMs += arc.cost;
    }
    served += 1;
  }
}

function shortestPath(arcs: readonly Arc[][], source: number, sink: number): Arc[] | undefined {
  const distance = arcs.map(() => Infinity);
  const reached: { from: number; arc: Arc }[] = [];
  distance[source] = 0;
  let changed = new Set([source]);
  while (changed.size > 0) {
    const next = new Set<number>();
    for (const node of changed) {
      for (const arc of arcs[node]!) {
        if (arc.capacity === 0 || distance[node]! + arc.cost >= distance[arc.to]!) continue;
        distance[arc.to] = distance[node]! + arc.cost;
        reached[arc.to] = { from: node, arc };
        next.add(arc.to);
      }
    }
    changed = next;
  }
  if (distance[sink] === Infinity) return undefined;
  const path: Arc[] = [];
  for (let node = sink; node !== source; node = reached[node]!.from) path.push(reached[node]!.arc);
  return path.reverse();
}
