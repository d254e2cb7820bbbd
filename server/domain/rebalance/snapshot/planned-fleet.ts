import type { RegionPool } from '../../catalog.js';
import type { FleetSnapshot, RegionPoolOption, SessionSnapshot } from './fleet-snapshot.js';
import { PlannedHost, type Mover } from './planned-host.js';
import { PlannedRegionPool, type PlanScope } from './planned-region-pool.js';

/** The picture with numbers for places and a record for every host. */
export class PlannedFleet {
  readonly regionPools: PlannedRegionPool[] = [];
  readonly #byObject = new Map<RegionPool, number>();
  readonly #byName = new Map<string, Map<string, number>>();
  readonly #hosts: Map<string, PlannedHost>[] = [];

  constructor(
    readonly snapshot: FleetSnapshot,
    readonly scope: PlanScope,
  ) {
    for (const host of snapshot.hosts) {
      const number = this.#addPlace(host.place);
      const planned = new PlannedHost(
        host,
        number,
        scope.maxMovesPerHost,
        !scope.excludes(host.place, host.hostId),
      );
      this.regionPoolAt(number).addHost(planned);
      this.#hosts[number]?.set(host.hostId, planned);
    }
  }

  /** `undefined` where there are no hosts. */
  indexOfRegionPool(place: RegionPool): number | undefined {
    // Pictures mostly share their place objects; a look by name is for those that do not.
    const known = this.#byObject.get(place);
    return known ?? this.#byName.get(place.region)?.get(place.pool);
  }

  regionPoolAt(number: number): PlannedRegionPool {
    const place = this.regionPools[number];
    if (place === undefined) throw new RangeError(`no place ${number} among ${this.regionPools.length}`);
    return place;
  }

  /** `undefined` when nobody knows it. */
  hostOf({ place, hostId }: SessionSnapshot): PlannedHost | undefined {
    const number = this.indexOfRegionPool(place);
    return number === undefined ? undefined : this.#hosts[number]?.get(hostId);
  }

  /** Notes that the plan moves it to that host. */
  moveTo(mover: Mover, target: PlannedHost): void {
    mover.isMoved = true;
    this.regionPoolAt(mover.host.poolIndex).removeSessionFrom(mover.host);
    this.regionPoolAt(target.poolIndex).addSessionTo(target);
  }

  /** Notes that the plan moves it away, and that somebody else gets the slot it leaves. */
  replaceMover(mover: Mover): void {
    mover.isMoved = true;
    mover.host.replaceSession();
  }

  #addPlace(place: RegionPool): number {
    const known = this.indexOfRegionPool(place);
    if (known !== undefined) return known;
    const number = this.regionPools.length;
    let pools = this.#byName.get(place.region);
    if (pools === undefined) this.#byName.set(place.region, (pools = new Map<string, number>()));
    pools.set(place.pool, number);
    this.#byObject.set(place, number);
    this.regionPools.push(new PlannedRegionPool(place, number, this.scope));
    this.#hosts.push(new Map());
    return number;
  }
}

/** How much further the place is for the player than the present one, in milliseconds. */
export function detourMs({ options, place }: SessionSnapshot, to: RegionPool): number {
  return (rttToRegionPool(options, to) ?? Infinity) - (rttToRegionPool(options, place) ?? 0);
}

function rttToRegionPool(
  options: readonly RegionPoolOption[],
  { region, pool }: RegionPool,
): number | undefined {
  return options.find(({ place }) => place.region === region && place.pool === pool)?.rttMs;
}

/** The numbers of the places that have hosts at all, in the order of the options, each once. */
export function indexesOfOptions(fleet: PlannedFleet, options: readonly RegionPoolOption[]): number[] {
  const numbers = new Set<number>();
  for (const { place } of options) {
    const number = fleet.indexOfRegionPool(place);
    if (number !== undefined) numbers.add(number);
  }
  return [...numbers];
}
