import type { RegionState } from '@duskline/protocol/vocabulary';
import { placeName, type Catalog, type Place } from '../domain/catalog.js';
import type { FleetView } from '../domain/ranking.js';
import type { FleetStore, Utilisation } from '../store/fleet-store.js';

/**
 * What this broker remembers of the fleet between two looks at the store: a hint for ranking and a cache of
 * endpoints. Never the ground of a decision; the store has the last word on every slot.
 */
export class FleetKnowledge implements FleetView {
  readonly #store: FleetStore;
  readonly #places: readonly Place[];
  readonly #utilisation = new Map<string, number>();
  readonly #endpoints = new Map<string, { readonly connectionId: string; readonly endpoint: string }>();

  constructor(store: FleetStore, catalog: Catalog) {
    this.#store = store;
    this.#places = [...catalog.regions.keys()].flatMap((region) =>
      [...catalog.pools.keys()].map((pool) => ({ region, pool })),
    );
  }

  /** Every place the catalog allows, whether hosts are there or not. */
  get places(): readonly Place[] {
    return this.#places;
  }

  // Every region is open until drains exist.
  regionState(_region: string): RegionState {
    return 'open';
  }

  utilisation(place: Place): number | undefined {
    return this.#utilisation.get(placeName(place));
  }

  note(place: Place, { sessions, slots }: Utilisation): void {
    if (slots === 0) this.#utilisation.delete(placeName(place));
    else this.#utilisation.set(placeName(place), Math.min(1, sessions / slots));
  }

  /** Looks at every place anew. */
  async refresh(): Promise<void> {
    await Promise.all(
      this.#places.map(async (place) => this.note(place, await this.#store.utilisation(place))),
    );
  }

  /** Where clients reach a host; `undefined` when it left in this instant. */
  async endpoint(place: Place, hostId: string, connectionId: string): Promise<string | undefined> {
    const key = `${placeName(place)}/${hostId}`;
    const known = this.#endpoints.get(key);
    if (known?.connectionId === connectionId) return known.endpoint;
    const [fresh] = await this.#store.endpoints(place, [hostId]);
    if (fresh === null || fresh === undefined) return undefined;
    this.#endpoints.set(key, fresh);
    return fresh.endpoint;
  }

  forgetHost(place: Place, hostId: string): void {
    this.#endpoints.delete(`${placeName(place)}/${hostId}`);
  }
}
