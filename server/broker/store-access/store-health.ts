import type { ServerClock } from '../../runtime/runtime.js';

/** Heartbeat intervals after an outage of the store until all hosts have reconnected and have been reconciled. */
const RECOVERY_INTERVALS = 5;

/** Heartbeat intervals until hosts that stayed connected have been registered again and have reported their sessions. */
const REBUILD_INTERVALS = 2;

/**
 * Whether the store is reachable, and how complete its data is expected to be. After an outage, however short, the store
 * may be empty or lack its last writes:
 *
 * - It is *rebuilding* during the outage and for `rebuildMs` after it: connected hosts and brokers restore what it has
 *   lost. New requests wait.
 * - It is *recovering* for `RECOVERY_INTERVALS` heartbeat intervals after the outage: hosts that reconnect may still report
 *   sessions that it does not know. No unknown session that was played counts as lost, and no session is moved.
 */
export class StoreHealth {
  /** Maximum time for which a reachable store counts as rebuilding. */
  readonly rebuildMs: number;
  readonly #recoveryMs: number;
  readonly #clock: Pick<ServerClock, 'monotonicMs'>;
  #reachable = true;
  #hasFailed = false;
  #restoredAtMs = -Infinity;

  /**
   * @param minRebuildMs minimum time for brokers and hosts to restore what the store has lost
   */
  constructor(heartbeatIntervalMs: number, minRebuildMs: number, clock: Pick<ServerClock, 'monotonicMs'>) {
    this.#recoveryMs = RECOVERY_INTERVALS * heartbeatIntervalMs;
    this.rebuildMs = Math.max(minRebuildMs, REBUILD_INTERVALS * heartbeatIntervalMs);
    this.#clock = clock;
  }

  /** A call failed. A quick failover can begin and end between two polls, so the next answer counts as a restart. */
  recordFailure(): void {
    this.#hasFailed = true;
  }

  /** A poll of all regions failed. */
  recordUnreachable(): void {
    this.#reachable = false;
  }

  /** A poll of all regions succeeded. */
  recordAnswer(): void {
    if (!this.#reachable || this.#hasFailed) this.#restoredAtMs = this.#clock.monotonicMs();
    this.#reachable = true;
    this.#hasFailed = false;
  }

  /** Whether the last poll succeeded. */
  get isReachable(): boolean {
    return this.#reachable;
  }

  /** The store is reachable again, but a session that it does not know may still be alive. */
  get isRecovering(): boolean {
    return this.#clock.monotonicMs() - this.#restoredAtMs < this.#recoveryMs;
  }

  /**
   * The store is unreachable, or brokers and hosts are restoring lost sessions. Unknown requests wait, because their sessions
   * may still be restored.
   */
  get isRebuilding(): boolean {
    return (
      !this.#reachable || this.#hasFailed || this.#clock.monotonicMs() - this.#restoredAtMs < this.rebuildMs
    );
  }
}
