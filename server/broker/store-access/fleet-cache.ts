import type { RegionState } from '@duskline/protocol/vocabulary';
import { regionPoolName, type Catalog, type RegionPool } from '../../domain/catalog.js';
import { covers, targetName, type Drain } from '../../domain/drain.js';
import { msBetween } from '../../domain/store-time.js';
import type { FleetView } from '../../domain/ranking.js';
import type { FleetStore, Utilisation } from '../../store/fleet-store.js';

/**
 * What this broker last read of the fleet: utilisation for the ranking, drains, and endpoints of hosts. May be out of date:
 * only the store decides about slots.
 */
export class FleetCache implements FleetView {
  readonly #store: FleetStore;
  readonly #regionPools: readonly RegionPool[];
  readonly #utilisation = new Map<string, number>();
  readonly #regions: readonly string[];
  readonly #pools: readonly string[];
  /** Regions that had a host or a waiting request at the last refresh. */
  readonly #inUse = new Set<string>();
  #drains: readonly Drain[] = [];
  #openings = 0;
  /** Region pools that the store reported as closed since the last refresh of drains. */
  readonly #closedSinceRefresh = new Set<string>();
  /** By region pool and host id. */
  readonly #endpoints = new Map<string, { readonly connectionId: string; readonly endpoint: string }>();

  constructor(store: FleetStore, catalog: Catalog) {
    this.#store = store;
    this.#regions = [...catalog.regions.keys()];
    this.#pools = [...catalog.pools.keys()];
    this.#regionPools = this.#regions.flatMap((region) => this.#pools.map((pool) => ({ region, pool })));
  }

  /** Rises each time that region pools may have been opened to new sessions. */
  get openings(): number {
    return this.#openings;
  }

  /** Every region pool of the catalog, with or without hosts. */
  get regionPools(): readonly RegionPool[] {
    return this.#regionPools;
  }

  /** `draining` while a drain of the whole region runs, `drained` when it is done and not undone. */
  regionState(region: string): RegionState {
    const drain = this.#drains.find(
      ({ target }) => target.region === region && targetName(target) === 'region',
    );
    if (drain === undefined || drain.state === 'undone') return 'open';
    return drain.state === 'running' ? 'draining' : 'drained';
  }

  isOpen(regionPool: RegionPool): boolean {
    if (this.#closedSinceRefresh.has(regionPoolName(regionPool))) return false;
    return !this.#drains.some(
      ({ state, target }) => state !== 'undone' && covers(target, { ...regionPool, hostId: null }),
    );
  }

  /** Whether the region has a drain that is running, or done and still keeps its target closed. */
  hasOrders(region: string): boolean {
    return this.#drains.some(({ state, target }) => state !== 'undone' && target.region === region);
  }

  /** Whether the region has hosts or waiting requests. Without either there is nothing to move. */
  isInUse(region: string): boolean {
    return this.#inUse.has(region);
  }

  /** Called when the store refused a reservation because the region pool is closed. Valid until the next refresh. */
  markClosed(regionPool: RegionPool): void {
    this.#closedSinceRefresh.add(regionPoolName(regionPool));
  }

  /** The running drain that covers this host; of several, the one with the earliest deadline. */
  findDrainOfHost({ region, pool }: RegionPool, hostId: string): Drain | undefined {
    return this.#drains
      .filter(({ state, target }) => state === 'running' && covers(target, { region, pool, hostId }))
      .sort((a, b) => msBetween(b.deadlineAtMs, a.deadlineAtMs))[0];
  }

  /** Reads all drains again, and restores those that the store has lost. */
  async refreshDrains(): Promise<void> {
    await this.#setDrains(
      (await Promise.all(this.#regions.map((region) => this.#store.listDrains(region)))).flat(),
    );
  }

  async #setDrains(found: readonly Drain[]): Promise<void> {
    const names = new Set(found.map(({ target }) => `${target.region}/${targetName(target)}`));
    // Drains are never deleted: a missing one means that the store has lost data.
    const lost = this.#drains.filter(({ target }) => !names.has(`${target.region}/${targetName(target)}`));
    await Promise.all(lost.map((drain) => this.#store.compareAndSetDrain(null, drain)));
    const drains = [...found, ...lost];
    const closedNow = new Set(drains.filter(isClosing).map(({ drainId }) => drainId));
    const isOpened = this.#drains.some((drain) => isClosing(drain) && !closedNow.has(drain.drainId));
    if (isOpened || this.#closedSinceRefresh.size > 0) this.#openings += 1;
    this.#drains = drains;
    this.#closedSinceRefresh.clear();
  }

  utilisation(regionPool: RegionPool): number | undefined {
    return this.#utilisation.get(regionPoolName(regionPool));
  }

  setUtilisation(regionPool: RegionPool, { sessions, slots }: Utilisation): void {
    if (slots === 0) this.#utilisation.delete(regionPoolName(regionPool));
    else this.#utilisation.set(regionPoolName(regionPool), Math.min(1, sessions / slots));
  }

  /**
   * Reads every region again, each with its own call: a region that does not answer does not delay the inboxes of others.
   *
   * @param onInboxItems called with each region pool in which this broker's inbox has items
   */
  async refresh(brokerId: string, onInboxItems: (regionPool: RegionPool) => Promise<void>): Promise<void> {
    const overviews = this.#regions.map((region) => this.#refreshRegion(region, brokerId));
    await Promise.all([
      Promise.all(overviews).then((found) => this.#setDrains(found.flatMap(({ drains }) => drains))),
      ...overviews.map(async (overview) => Promise.all((await overview).withInboxItems.map(onInboxItems))),
    ]);
  }

  async #refreshRegion(
    region: string,
    brokerId: string,
  ): Promise<{ drains: readonly Drain[]; withInboxItems: RegionPool[] }> {
    const { drains, regionPools } = await this.#store.getRegionOverview(region, this.#pools, brokerId);
    const seen = regionPools.map((view, i) => ({
      ...view,
      regionPool: { region, pool: this.#pools[i] ?? '' },
    }));
    for (const { regionPool, utilisation } of seen) this.setUtilisation(regionPool, utilisation);
    if (seen.some(({ hosts, waiting }) => hosts + waiting > 0)) this.#inUse.add(region);
    else this.#inUse.delete(region);
    const withInboxItems = seen
      .filter(({ hasInboxItems }) => hasInboxItems)
      .map(({ regionPool }) => regionPool);
    return { drains, withInboxItems };
  }

  /** The endpoint of a host, if it was read since the host has this connection. */
  cachedEndpoint(regionPool: RegionPool, hostId: string, connectionId: string): string | undefined {
    const known = this.#endpoints.get(`${regionPoolName(regionPool)}/${hostId}`);
    return known?.connectionId === connectionId ? known.endpoint : undefined;
  }

  /** Reads the endpoint of a host from the store; `undefined` when the host has left. */
  async fetchEndpoint(regionPool: RegionPool, hostId: string): Promise<string | undefined> {
    const [fresh] = await this.#store.getEndpoints(regionPool, [hostId]);
    if (fresh === null || fresh === undefined) return undefined;
    this.#endpoints.set(`${regionPoolName(regionPool)}/${hostId}`, fresh);
    return fresh.endpoint;
  }

  forgetHost(regionPool: RegionPool, hostId: string): void {
    this.#endpoints.delete(`${regionPoolName(regionPool)}/${hostId}`);
  }
}

/** Whether a drain keeps its target closed. */
function isClosing({ state }: Drain): boolean {
  return state !== 'undone';
}
