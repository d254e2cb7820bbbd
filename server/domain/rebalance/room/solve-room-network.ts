import { LIVE_COST, type SharedCapacity, type RoomNetwork, type Route } from './room-network.js';

/** A flow: which players it serves, how many they are, and its cost. */
interface PlayerFlow {
  readonly sent: readonly boolean[];
  readonly served: number;
  readonly cost: number;
}

interface RoomSolution extends PlayerFlow {
  readonly routes: readonly Route[];
}

/** Limit of the search, in arcs of solved networks: about a tenth of a second. The best solution found so far is used then. */
const MAX_SEARCHED_ARCS = 60_000;

/** How many times unused capacity is shifted between the two layers. */
const MAX_SHIFTS = 6;

/**
 * The cheapest routes that serve the most waiting players with at most `allowance` live moves.
 *
 * A flow in the network may move a session twice: once for a waiting player and once for another moved session. If the
 * cheapest flow does not, it is the solution. Otherwise one of the two uses has to give way. To choose which is NP-hard in
 * general (disjoint paths of bounded length: Itai, Perl and Shiloach, Networks 12, 1982). So a heuristic finds a good
 * solution first, and branch and bound improves it as far as `MAX_SEARCHED_ARCS` allows.
 */
export function solveRoomNetwork(room: RoomNetwork, allowance: number): readonly Route[] {
  return new RoomSearch(room, allowance).solve().routes;
}

class RoomSearch {
  #searchedArcs = 0;

  constructor(
    private readonly room: RoomNetwork,
    private readonly allowance: number,
  ) {}

  solve(): RoomSolution {
    const bound = this.#sendFlow();
    if (this.#findViolation() === undefined) return this.#traceSolution(bound);
    let best = this.#solveBySharing();
    const search = (): void => {
      if (this.#searchedArcs > MAX_SEARCHED_ARCS) return;
      const flow = this.#sendFlow();
      if (!isBetter(flow, best)) return;
      const violation = this.#findViolation();
      if (violation === undefined) {
        best = this.#traceSolution(flow);
        return;
      }
      const { first, second, capacity } = violation;
      const onFirst = this.room.network.flowOf(first);
      // Branch: either the first arc keeps at most its flow and the second gets the rest, or the first carries less.
      searchWithin(second, capacity - onFirst);
      searchWithin(first, onFirst - 1);
    };
    const searchWithin = (arc: number, capacity: number): void => {
      const before = this.room.network.capacityOf(arc);
      this.room.network.setCapacity(arc, Math.min(before, capacity));
      search();
      this.room.network.setCapacity(arc, before);
    };
    if (isBetter(bound, best)) search();
    return best;
  }

  /** The cheapest flow within the present capacities and the allowance. */
  #sendFlow(): PlayerFlow {
    const { network, sources, sink } = this.room;
    this.#searchedArcs += network.arcs;
    let [served, live, total] = [0, 0, 0];
    const sent = network.send(sources, sink, (cost) => {
      // The cost of moves as such is so small that the rounded quotient is the number of live moves.
      const liveMoves = Math.round(cost / LIVE_COST);
      if (live + liveMoves > this.allowance) return false;
      live += liveMoves;
      total += cost;
      served += 1;
      return true;
    });
    return { sent, served, cost: total };
  }

  #traceSolution(flow: PlayerFlow): RoomSolution {
    return { ...flow, routes: this.room.traceRoutes(flow.sent) };
  }

  /** A shared capacity that the present flow exceeds. */
  #findViolation(): SharedCapacity | undefined {
    const { network, sharedCapacities } = this.room;
    return sharedCapacities.find(
      ({ first, second, capacity }) => network.flowOf(first) + network.flowOf(second) > capacity,
    );
  }

  /**
   * Heuristic: splits each shared capacity between its two arcs, first in favour of the arc that makes room for waiting
   * players, then shifts what one arc does not use to the other, in turn, as long as that improves the solution.
   */
  #solveBySharing(): RoomSolution {
    const { network, sharedCapacities } = this.room;
    const before = sharedCapacities.map(({ first, second }) => [
      network.capacityOf(first),
      network.capacityOf(second),
    ]);
    const share = (giveTo: 'first' | 'second'): void => {
      for (const { first, second, capacity } of sharedCapacities) {
        const [rich, poor] = giveTo === 'first' ? [first, second] : [second, first];
        const kept = Math.min(network.flowOf(poor), capacity);
        network.setCapacity(poor, kept);
        network.setCapacity(rich, capacity - kept);
      }
    };
    share('second');
    let best = this.#traceSolution(this.#sendFlow());
    for (let shift = 0; shift < MAX_SHIFTS; shift += 1) {
      share(shift % 2 === 0 ? 'first' : 'second');
      const flow = this.#sendFlow();
      if (isBetter(flow, best)) best = this.#traceSolution(flow);
      else if (shift > 0) break;
    }
    sharedCapacities.forEach(({ first, second }, i) => {
      const [ofFirst = 0, ofSecond = 0] = before[i] ?? [];
      network.setCapacity(first, ofFirst);
      network.setCapacity(second, ofSecond);
    });
    return best;
  }
}

function isBetter(a: PlayerFlow, b: PlayerFlow): boolean {
  return a.served > b.served || (a.served === b.served && a.cost < b.cost);
}
