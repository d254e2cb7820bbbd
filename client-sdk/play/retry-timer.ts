import type { Clock, Random } from '@duskline/sdk-runtime';
import type { DusklineError } from '../errors.js';

/** Delay of a retry for which the broker names none (`retryAfterMs`), in milliseconds. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

export interface RetryTimerDependencies {
  readonly clock: Clock;
  readonly random: Random;
}

/** Sends a message again after an error. At most one retry is scheduled. */
export class RetryTimer {
  readonly #dependencies: RetryTimerDependencies;
  readonly #retry: () => void;
  readonly #createdAtMs: number;
  #cancel: (() => void) | undefined;

  constructor(dependencies: RetryTimerDependencies, retry: () => void) {
    this.#dependencies = dependencies;
    this.#retry = retry;
    this.#createdAtMs = dependencies.clock.monotonicMs();
  }

  get isSet(): boolean {
    return this.#cancel !== undefined;
  }

  /**
   * Schedules a retry, after the delay that the broker names or up to 1.5 times that: many players receive the same refusal at
   * once.
   *
   * @param maxWaitMs counts from the creation of the timer
   * @returns false, with nothing scheduled, if the retry would come later than `maxWaitMs`
   */
  start({ retryAfterMs = DEFAULT_RETRY_AFTER_MS }: DusklineError, maxWaitMs = Infinity): boolean {
    const { clock, random } = this.#dependencies;
    const delayMs = Math.round(retryAfterMs * (1 + random() / 2));
    if (clock.monotonicMs() - this.#createdAtMs + delayMs > maxWaitMs) return false;
    this.stop();
    this.#cancel = clock.setTimer(() => {
      this.#cancel = undefined;
      this.#retry();
    }, delayMs);
    return true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
