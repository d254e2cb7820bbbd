import type { RegionState } from '@duskline/protocol/vocabulary';
import { regionPoolName, type Catalog, type RegionPool } from '../../domain/catalog.js';
import { covers, targetName, type Drain } from '../../domain/drain.js';
import type { FleetView } from '../../domain/ranking.js';
import type { FleetStore, Utilisation } from '../../store/fleet-store.js';

/**
 * What this broker remembers of the fleet between two looks at the store: a hint for ranking and a cache of
 * endpoints. Never the ground of a decision; the store has the last word on every slot.
 */
export class FleetCache implements FleetView {
  readonly #store: FleetStore;
  readonly #places: readonly RegionPool[];
  readonly #utilisation = new Map<string, number>();
  readonly #regions: readonly string[];
  readonly #pools: readonly string[];
  /** Regions where the last look saw a host, or somebody who waits. */
  readonly #inUse = new Set<string>();
  #drains: readonly Drain[] = [];
  /** What the store said of places since drains were last looked at. */
  readonly #saidClosed = new Set<string>();
  /** The store's clock minus this process's. */
  #clockOffsetMs = 0;
  readonly #endpoints = new Map<string, { readonly connectionId: string; readonly endpoint: string }>();

  constructor(store: FleetStore, catalog: Catalog) {
    this.#store = store;
    this.#regions = [...catalog.regions.keys()];
    this.#pools = [...catalog.pools.keys()];
    this.#places = this.#regions.flatMap((region) => this.#pools.map((pool) => ({ region, pool })));
  }

  /** Every place the catalog allows, whether hosts are there or not. */
  get regionPools(): readonly RegionPool[] {
    return this.#places;
  }

  /** `draining` while a drain of the whole region runs, `drained` when it is over and not undone. */
  regionState(region: string): RegionState {
    const drain = this.#drains.find(
      ({ target }) => target.region === region && targetName(target) === 'region',
    );
    if (drain === undefined || drain.state === 'undone') return 'open';
    return drain.state === 'running' ? 'draining' : 'drained';
  }

  isOpen(place: RegionPool): boolean {
    if (this.#saidClosed.has(regionPoolName(place))) return false;
    return !this.#drains.some(
      ({ state, target }) => state !== 'undone' && covers(target, { ...place, hostId: null }),
    );
  }

  /** Whether the region has orders of operators that are to be carried out, or held. */
  hasOrders(region: string): boolean {
    return this.#drains.some(({ state, target }) => state !== 'undone' && target.region === region);
  }

  /** Whether the region has hosts, or players who wait: where it has neither there is nothing to move. */
  isInUse(region: string): boolean {
    return this.#inUse.has(region);
  }

  /** The store refused something because the place is closed: known at once, and forgotten with the next look. */
  markClosed(place: RegionPool): void {
    this.#saidClosed.add(regionPoolName(place));
  }

  /** The drain that a session on this host is under: the one that ends first. */
  findDrainOfHost({ region, pool }: RegionPool, hostId: string): Drain | undefined {
    return this.#drains
      .filter(({ state, target }) => state === 'running' && covers(target, { region, pool, hostId }))
      .sort((a, b) => a.deadlineAtMs - b.deadlineAtMs)[0];
  }

  /** About what time it is by the store's clock. */
  storeNowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Looks at operators' orders anew. What a store that lost everything has forgotten of them is given back to it. */
  async refreshDrains(): Promise<void> {
    await this.#takeDrains(
      (await Promise.all(this.#regions.map((region) => this.#store.listDrains(region)))).flat(),
    );
  }

  async #takeDrains(found: readonly Drain[]): Promise<void> {
    const names = new Set(found.map(({ target }) => `${target.region}/${targetName(target)}`));
    // Records of drains are never deleted: one that is not there was lost.
    const lost = this.#drains.filter(({ target }) => !names.has(`${target.region}/${targetName(target)}`));
    await Promise.all(lost.map((drain) => this.#store.compareAndSetDrain(null, drain)));
    this.#drains = [...found, ...lost];
    this.#saidClosed.clear();
    if (found.some(({ state }) => state === 'running')) {
      this.#clockOffsetMs = (await this.#store.getTimeMs()) - Date.now();
    }
  }

  utilisation(place: RegionPool): number | undefined {
    return this.#utilisation.get(regionPoolName(place));
  }

  setUtilisation(place: RegionPool, { sessions, slots }: Utilisation): void {
    if (slots === 0) this.#utilisation.delete(regionPoolName(place));
    else this.#utilisation.set(regionPoolName(place), Math.min(1, sessions / slots));
  }

  /**
   * Looks at every region anew, at each by itself: one that does not answer keeps nothing of the others away.
   *
   * @param onMail hears of a place where something waits for the broker
   */
  async refresh(brokerId: string, onMail: (place: RegionPool) => Promise<void>): Promise<void> {
    const views = this.#regions.map((region) => this.#view(region, brokerId));
    await Promise.all([
      Promise.all(views).then((found) => this.#takeDrains(found.flatMap(({ drains }) => drains))),
      ...views.map(async (view) => Promise.all((await view).mail.map(onMail))),
    ]);
  }

  async #view(region: string, brokerId: string): Promise<{ drains: readonly Drain[]; mail: RegionPool[] }> {
    const { drains, regionPools: places } = await this.#store.getRegionOverview(
      region,
      this.#pools,
      brokerId,
    );
    const seen = places.map((view, i) => ({ ...view, place: { region, pool: this.#pools[i] ?? '' } }));
    for (const { place, utilisation } of seen) this.setUtilisation(place, utilisation);
    if (seen.some(({ hosts, waiting }) => hosts + waiting > 0)) this.#inUse.add(region);
    else this.#inUse.delete(region);
    return { drains, mail: seen.filter(({ hasInboxItems: hasMail }) => hasMail).map(({ place }) => place) };
  }

  /** Where clients reach a host, if that is known since it has this connection. */
  cachedEndpoint(place: RegionPool, hostId: string, connectionId: string): string | undefined {
    const known = this.#endpoints.get(`${regionPoolName(place)}/${hostId}`);
    return known?.connectionId === connectionId ? known.endpoint : undefined;
  }

  /** Asks the store where clients reach a host; `undefined` when it left in this instant. */
  async fetchEndpoint(place: RegionPool, hostId: string): Promise<string | undefined> {
    const [fresh] = await this.#store.getEndpoints(place, [hostId]);
    if (fresh === null || fresh === undefined) return undefined;
    this.#endpoints.set(`${regionPoolName(place)}/${hostId}`, fresh);
    return fresh.endpoint;
  }

  forgetHost(place: RegionPool, hostId: string): void {
    this.#endpoints.delete(`${regionPoolName(place)}/${hostId}`);
  }
}
