import type { ServerClock } from '../../runtime/runtime.js';

/** Heartbeat intervals after an outage of the store until all hosts have reconnected and have been reconciled. */
const RECOVERY_INTERVALS = 5;

/** Heartbeat intervals until hosts that stayed connected have been registered again and have reported their sessions. */
const REBUILD_INTERVALS = 2;

/** A check of the store, from its begin. */
export interface StoreCheck {
  /** Number of calls that had failed when the check began. */
  readonly failures: number;
}

/**
 * Whether the store is reachable, and how complete its data is expected to be. After an outage, however short, the store
 * may be empty or lack its last writes:
 *
 * - It is *rebuilding* during the outage. If it then answers from another memory, or cannot tell, it is rebuilding for `rebuildMs`
 *   more: connected hosts and brokers restore what it has lost. New requests wait.
 * - It is *recovering* for `RECOVERY_INTERVALS` heartbeat intervals after the outage: hosts that reconnect may still report
 *   sessions that it does not know. No unknown session that was played counts as lost, and no session is moved.
 */
export class StoreHealth {
  /** Maximum time for which a reachable store counts as rebuilding. */
  readonly rebuildMs: number;
  readonly #recoveryMs: number;
  readonly #clock: Pick<ServerClock, 'monotonicMs'>;
  #reachable = true;
  #failures = 0;
  /** How many of the failures a check has followed that the store answered. */
  #checkedFailures = 0;
  /** The store's name of its memory in the last check; `undefined` before the first one. */
  #memoryId: string | null | undefined = undefined;
  #restoredAtMs = -Infinity;
  /** When the store answered from another memory than before, or could not tell. */
  #replacedAtMs = -Infinity;
  #waiting: (() => void)[] = [];

  /**
   * @param minRebuildMs minimum time for brokers and hosts to restore what the store has lost
   */
  constructor(heartbeatIntervalMs: number, minRebuildMs: number, clock: Pick<ServerClock, 'monotonicMs'>) {
    this.#recoveryMs = RECOVERY_INTERVALS * heartbeatIntervalMs;
    this.rebuildMs = Math.max(minRebuildMs, REBUILD_INTERVALS * heartbeatIntervalMs);
    this.#clock = clock;
  }

  /** A call failed. A quick failover can begin and end between two checks, so the next answer counts as a restart. */
  recordFailure(): void {
    this.#failures += 1;
  }

  /** Begins a check: a poll of all regions, and the question for the memory. */
  beginCheck(): StoreCheck {
    return { failures: this.#failures };
  }

  /** The check failed. */
  recordUnreachable(): void {
    this.#reachable = false;
  }

  /**
   * The store answered a check.
   *
   * @param memoryId as `FleetStore.getMemoryId` returned it during the check
   */
  recordAnswer({ failures }: StoreCheck, memoryId: string | null): void {
    const wasReplaced = this.#memoryId !== undefined && this.#memoryId !== memoryId;
    const mayBeReplaced = memoryId === null || this.#memoryId === undefined;
    if (this.#isInDoubt || wasReplaced) {
      const nowMs = this.#clock.monotonicMs();
      this.#restoredAtMs = nowMs;
      if (wasReplaced || mayBeReplaced) this.#replacedAtMs = nowMs;
    }
    this.#memoryId = memoryId;
    this.#reachable = true;
    // The store may have restarted after it answered: a call that failed during this check needs another one.
    this.#checkedFailures = failures;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when the store answers the next check. */
  untilAnswer(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether the last check succeeded. */
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
    return this.#isInDoubt || this.#clock.monotonicMs() - this.#replacedAtMs < this.rebuildMs;
  }

  /** The store has not answered a check since a call failed. */
  get #isInDoubt(): boolean {
    return !this.#reachable || this.#failures > this.#checkedFailures;
  }
}
