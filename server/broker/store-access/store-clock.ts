import { msBetween, toStoreMs, toUnixMs, type StoreMs } from '../../domain/store-time.js';
import type { ServerClock } from '../../runtime/runtime.js';
import type { FleetStore } from '../../store/fleet-store.js';

/**
 * The store's time, estimated from its answers and this broker's monotonic clock. Each answer bounds the difference of the two clocks,
 * because the store read its clock between the question and the answer. An answer outside the known bounds replaces them: a clock was
 * set, or has drifted.
 */
export class StoreClock {
  /** Bounds of the difference between the store's time and the monotonic clock. */
  #lowMs = -Infinity;
  #highMs = Infinity;

  constructor(
    private readonly store: Pick<FleetStore, 'getTimeMs'>,
    private readonly clock: Pick<ServerClock, 'monotonicMs'>,
  ) {}

  /** Asks the store for its time. To be called regularly: clocks drift, and the clock of a store may be set. */
  async synchronise(): Promise<void> {
    const askedAtMs = this.clock.monotonicMs();
    const storeMs = toUnixMs(await this.store.getTimeMs());
    const lowMs = storeMs - this.clock.monotonicMs();
    // The store returns whole milliseconds.
    const highMs = storeMs + 1 - askedAtMs;
    const isContradiction = lowMs > this.#highMs || highMs < this.#lowMs;
    this.#lowMs = isContradiction ? lowMs : Math.max(lowMs, this.#lowMs);
    this.#highMs = isContradiction ? highMs : Math.min(highMs, this.#highMs);
  }

  /** The store's time now, estimated. Throws before the first `synchronise`. */
  now(): StoreMs {
    if (this.#highMs === Infinity) throw new Error('The time of the store was not read yet.');
    return toStoreMs(Math.floor(this.clock.monotonicMs() + (this.#lowMs + this.#highMs) / 2));
  }

  /** Milliseconds since a time of the store; 0 for a time that has not come yet. */
  ageOf(at: StoreMs): number {
    return Math.max(0, msBetween(at, this.now()));
  }
}
