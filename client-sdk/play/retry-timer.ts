import type { Clock } from '../runtime/clock.js';
import type { DusklineError } from '../errors.js';

/** When to ask again if the broker does not say, in milliseconds. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** Says something once more, later. At most one is set. */
export class RetryTimer {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #retry: () => void;
  #cancel: (() => void) | undefined;

  constructor(wiring: { readonly clock: Clock; readonly random: () => number }, retry: () => void) {
    this.#clock = wiring.clock;
    this.#random = wiring.random;
    this.#retry = retry;
  }

  get isSet(): boolean {
    return this.#cancel !== undefined;
  }

  /** Never before the broker wants it, and spread over half as long again: many players hear the same refusal. */
  retryDelayMs(error: DusklineError): number {
    return Math.round((error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS) * (1 + this.#random() / 2));
  }

  start(delayMs: number): void {
    this.stop();
    this.#cancel = this.#clock.setTimer(() => {
      this.#cancel = undefined;
      this.#retry();
    }, delayMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
