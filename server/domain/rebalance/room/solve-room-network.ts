import { LIVE_COST, type SharedCapacity, type RoomNetwork, type Route } from './room-network.js';

/** A flow: how many players it serves, and at what cost. */
interface PlayerFlow {
  readonly sent: readonly boolean[];
  readonly served: number;
  readonly cost: number;
}

interface RoomSolution extends PlayerFlow {
  readonly routes: readonly Route[];
}

/** So many arcs are looked at, at most; what has been found by then stands. A tenth of a second or so. */
const MAX_WORK = 60_000;

/** How often the shares of the two layers are shifted before they are left as they are. */
const MAX_SHIFTS = 6;

/**
 * The routes that serve the most waiting players with at most `allowance` live moves, and of those the cheapest.
 *
 * The network alone may move a session twice: once for a waiting player, once for a session that is moved. Where the
 * cheapest flow does not, it is the answer. Where it does, one of the two has to give way. Which, is a hard question in
 * general (disjoint paths of bounded length: Itai, Perl and Shiloach, Networks 12, 1982): a good answer comes first, and
 * the best one by branch and bound, if the fleet is small or the conflicts are few.
 */
export function solveRoomNetwork(room: RoomNetwork, allowance: number): readonly Route[] {
  return new RoomSearch(room, allowance).solve().routes;
}

class RoomSearch {
  #work = 0;

  constructor(
    private readonly room: RoomNetwork,
    private readonly allowance: number,
  ) {}

  solve(): RoomSolution {
    const bound = this.#send();
    if (this.#broken() === undefined) return this.#answer(bound);
    let best = this.#settle();
    const search = (): void => {
      if (this.#work > MAX_WORK) return;
      const flow = this.#send();
      if (!isBetter(flow, best)) return;
      const broken = this.#broken();
      if (broken === undefined) {
        best = this.#answer(flow);
        return;
      }
      const { first, second, capacity } = broken;
      const onFirst = this.room.network.flowOf(first);
      // Either the first does no more than now, and leaves the second the rest, or it does less.
      within(second, capacity - onFirst);
      within(first, onFirst - 1);
    };
    const within = (arc: number, capacity: number): void => {
      const before = this.room.network.capacityOf(arc);
      this.room.network.setCapacity(arc, Math.min(before, capacity));
      search();
      this.room.network.setCapacity(arc, before);
    };
    if (isBetter(bound, best)) search();
    return best;
  }

  /** The flow with the present capacities. */
  #send(): PlayerFlow {
    const { network, sources, sink } = this.room;
    this.#work += network.arcs;
    let [served, live, total] = [0, 0, 0];
    const sent = network.send(sources, sink, (cost) => {
      // Moves weigh so little that the quotient, rounded, is the number of live ones.
      const more = Math.round(cost / LIVE_COST);
      if (live + more > this.allowance) return false;
      live += more;
      total += cost;
      served += 1;
      return true;
    });
    return { sent, served, cost: total };
  }

  #answer(flow: PlayerFlow): RoomSolution {
    return { ...flow, routes: this.room.traceRoutes(flow.sent) };
  }

  #broken(): SharedCapacity | undefined {
    const { network, sharedCapacities: bundles } = this.room;
    return bundles.find(
      ({ first, second, capacity }) => network.flowOf(first) + network.flowOf(second) > capacity,
    );
  }

  /**
   * A good answer: each bundle is shared out between its two arcs, those who make room for waiting players first, and
   * then what one arc does not use is given to the other, in turn, as long as that serves more.
   */
  #settle(): RoomSolution {
    const { network, sharedCapacities: bundles } = this.room;
    const before = bundles.map(({ first, second }) => [
      network.capacityOf(first),
      network.capacityOf(second),
    ]);
    const share = (giveTo: 'first' | 'second'): void => {
      for (const { first, second, capacity } of bundles) {
        const [rich, poor] = giveTo === 'first' ? [first, second] : [second, first];
        const kept = Math.min(network.flowOf(poor), capacity);
        network.setCapacity(poor, kept);
        network.setCapacity(rich, capacity - kept);
      }
    };
    share('second');
    let best = this.#answer(this.#send());
    for (let shift = 0; shift < MAX_SHIFTS; shift += 1) {
      share(shift % 2 === 0 ? 'first' : 'second');
      const flow = this.#send();
      if (isBetter(flow, best)) best = this.#answer(flow);
      else if (shift > 0) break;
    }
    bundles.forEach(({ first, second }, i) => {
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
