import { regionPoolName, type RegionPool } from '../../../domain/catalog.js';
import { offerFreeSlots } from './offers.js';
import { PoolState, type PoolRules } from './pool-state.js';

type WakeUpListener = (regionPool: RegionPool) => void;

/** The state of every region pool that was ever named. */
export class RegionPools {
  /** By broker. */
  readonly wakeUpListeners = new Map<string, WakeUpListener>();
  readonly #rules: PoolRules;
  readonly #runNextTurn: (callback: () => void) => void;
  readonly #pools = new Map<string, PoolState>();

  /** @param runNextTurn calls back in the next turn of the event loop, as a message through Redis would arrive */
  constructor(rules: PoolRules, runNextTurn: (callback: () => void) => void) {
    this.#rules = rules;
    this.#runNextTurn = runNextTurn;
  }

  now(): number {
    return this.#rules.now();
  }

  get(regionPool: RegionPool): PoolState {
    const name = regionPoolName(regionPool);
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const created = new PoolState(this.#rules, (brokerId) => this.sendWakeUp(brokerId, regionPool));
    this.#pools.set(name, created);
    return created;
  }

  /** Runs a step that may free a slot or make a host ready, then offers free slots to waiting entries. */
  runAndOfferSlots<T>(regionPool: RegionPool, step: (pool: PoolState, nowMs: number) => T): T {
    const pool = this.get(regionPool);
    const nowMs = this.now();
    const result = step(pool, nowMs);
    offerFreeSlots(pool, nowMs);
    return result;
  }

  sendWakeUp(brokerId: string, regionPool: RegionPool): void {
    this.#runNextTurn(() => this.wakeUpListeners.get(brokerId)?.(regionPool));
  }
}
