import type { FleetStore } from '../../store/fleet-store.js';
import type { FleetCache } from './fleet-cache.js';
import type { RecentEnds } from './recent-ends.js';
import type { RepeatedCalls } from './repeated-calls.js';
import type { StoreClock } from './store-clock.js';
import type { StoreBatches } from './store-batches.js';
import type { StoreHealth } from './store-health.js';

/** The store, and the layers between the store and the rest of the broker. */
export interface StoreAccess {
  readonly store: FleetStore;
  /** The store's most frequent operations, batched per turn of the event loop. */
  readonly batches: StoreBatches;
  /** The store's time. Times of the store are compared with it, and never with the clock of this broker. */
  readonly storeClock: StoreClock;
  /** Whether the store is reachable and its data complete. */
  readonly storeHealth: StoreHealth;
  /** Calls that are repeated after an outage of the store. */
  readonly repeatedCalls: RepeatedCalls;
  /** Sessions that ended by calls of this broker: what a store that loses its data no longer knows. */
  readonly recentEnds: RecentEnds;
  /** What this broker last read about regions, pools and hosts. */
  readonly fleet: FleetCache;
}
