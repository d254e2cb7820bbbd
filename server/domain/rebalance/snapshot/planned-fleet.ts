import type { RegionPool } from '../../catalog.js';
import type { FleetSnapshot, RegionPoolOption, SessionSnapshot } from './fleet-snapshot.js';
import { PlannedHost, type Mover } from './planned-host.js';
import { PlannedRegionPool, type PlanScope } from './planned-region-pool.js';

/** The fleet while a plan is being made: region pools by index, and a mutable record for each host. */
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
      const poolIndex = this.#addRegionPool(host.regionPool);
      const planned = new PlannedHost(
        host,
        poolIndex,
        scope.maxMovesPerHost,
        !scope.excludes(host.regionPool, host.hostId),
      );
      this.regionPoolAt(poolIndex).addHost(planned);
      this.#hosts[poolIndex]?.set(host.hostId, planned);
    }
  }

  /** Index of the region pool in `regionPools`; `undefined` if the snapshot has no host of it. */
  indexOfRegionPool(regionPool: RegionPool): number | undefined {
    // Most snapshots share their region pool objects. The slower search by name is for those that do not.
    const known = this.#byObject.get(regionPool);
    return known ?? this.#byName.get(regionPool.region)?.get(regionPool.pool);
  }

  regionPoolAt(poolIndex: number): PlannedRegionPool {
    const plannedPool = this.regionPools[poolIndex];
    if (plannedPool === undefined)
      throw new RangeError(`There is no region pool ${poolIndex}: the fleet has ${this.regionPools.length}.`);
    return plannedPool;
  }

  /** The host of a session; `undefined` if the snapshot has no such host. */
  hostOf({ regionPool, hostId }: SessionSnapshot): PlannedHost | undefined {
    const poolIndex = this.indexOfRegionPool(regionPool);
    return poolIndex === undefined ? undefined : this.#hosts[poolIndex]?.get(hostId);
  }

  /** Plans to move the session to that host. */
  moveTo(mover: Mover, targetHost: PlannedHost): void {
    mover.isMoved = true;
    this.regionPoolAt(mover.host.poolIndex).removeSessionFrom(mover.host);
    this.regionPoolAt(targetHost.poolIndex).addSessionTo(targetHost);
  }

  /** Plans to move the session away and to give its slot to another session. */
  replaceMover(mover: Mover): void {
    mover.isMoved = true;
    mover.host.replaceSession();
  }

  #addRegionPool(regionPool: RegionPool): number {
    const known = this.indexOfRegionPool(regionPool);
    if (known !== undefined) return known;
    const poolIndex = this.regionPools.length;
    let pools = this.#byName.get(regionPool.region);
    if (pools === undefined) this.#byName.set(regionPool.region, (pools = new Map<string, number>()));
    pools.set(regionPool.pool, poolIndex);
    this.#byObject.set(regionPool, poolIndex);
    this.regionPools.push(new PlannedRegionPool(regionPool, poolIndex, this.scope));
    this.#hosts.push(new Map());
    return poolIndex;
  }
}

/** Added round-trip time of the session's player in that region pool, in milliseconds. Negative if it is nearer. */
export function detourMs({ options, regionPool }: SessionSnapshot, to: RegionPool): number {
  return (rttToRegionPool(options, to) ?? Infinity) - (rttToRegionPool(options, regionPool) ?? 0);
}

function rttToRegionPool(
  options: readonly RegionPoolOption[],
  { region, pool }: RegionPool,
): number | undefined {
  return options.find(({ regionPool }) => regionPool.region === region && regionPool.pool === pool)?.rttMs;
}

/** Indexes of the options' region pools, in their order, each once. Region pools without hosts are left out. */
export function indexesOfOptions(fleet: PlannedFleet, options: readonly RegionPoolOption[]): number[] {
  const poolIndexes = new Set<number>();
  for (const { regionPool } of options) {
    const poolIndex = fleet.indexOfRegionPool(regionPool);
    if (poolIndex !== undefined) poolIndexes.add(poolIndex);
  }
  return [...poolIndexes];
}
