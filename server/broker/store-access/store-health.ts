import { DEFAULT_INTERVALS } from '../intervals.js';

/**
 * After the store was away, so many heartbeat intervals pass until it can be expected to know again what lives: hosts
 * come back, and are reconciled.
 */
const RECOVERY_INTERVALS = 5;

/** So many until hosts that never lost their brokers have registered again and reported what they hold. */
const REBUILD_INTERVALS = 2;

/**
 * How far this broker trusts the memory of the store. A store that was away, however briefly, may have come back with
 * less than it had: empty, or without its last writes.
 */
export class StoreHealth {
  /** The longest time for which a store that answers counts as not rebuilt. */
  readonly rebuildMs: number;
  readonly #doubtMs: number;
  readonly #now: () => number;
  #answers = true;
  #failed = false;
  #backAtMs = -Infinity;

  /**
   * @param minRebuildMs how long it takes at least until brokers and hosts have given back what they know
   * @param now milliseconds of a clock that never jumps
   */
  constructor(
    heartbeatIntervalMs: number,
    minRebuildMs = DEFAULT_INTERVALS.minRebuildMs,
    now: () => number = () => performance.now(),
  ) {
    this.#doubtMs = RECOVERY_INTERVALS * heartbeatIntervalMs;
    this.rebuildMs = Math.max(minRebuildMs, REBUILD_INTERVALS * heartbeatIntervalMs);
    this.#now = now;
  }

  /** Some call failed: a store that fails over quickly is away between two looks. */
  recordFailure(): void {
    this.#failed = true;
  }

  /** A look at the whole store failed. */
  recordUnreachable(): void {
    this.#answers = false;
  }

  /** A look at the whole store succeeded. */
  recordAnswer(): void {
    if (!this.#answers || this.#failed) this.#backAtMs = this.#now();
    this.#answers = true;
    this.#failed = false;
  }

  /** Whether the last look succeeded. */
  get isReachable(): boolean {
    return this.#answers;
  }

  /** What the store does not know may live all the same. */
  get isRecovering(): boolean {
    return this.#now() - this.#backAtMs < this.#doubtMs;
  }

  /** What the store does not know is about to be given back to it, if it lives: nothing is placed anew meanwhile. */
  get isRebuilding(): boolean {
    return !this.#answers || this.#failed || this.#now() - this.#backAtMs < this.rebuildMs;
  }
}
