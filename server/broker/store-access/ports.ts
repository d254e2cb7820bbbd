import type { FleetStore } from '../../store/fleet-store.js';
import type { FleetCache } from './fleet-cache.js';
import type { StoreBatches } from './store-batches.js';
import type { StoreHealth } from './store-health.js';

/** The store, and what stands between it and the use cases. */
export interface StoreAccess {
  readonly store: FleetStore;
  /** The store's most frequent operations, one call per turn of the event loop. */
  readonly batches: StoreBatches;
  /** How far the store's contents can be trusted at the moment. */
  readonly storeHealth: StoreHealth;
  /** What this broker last read about regions, pools and hosts. */
  readonly fleet: FleetCache;
}
