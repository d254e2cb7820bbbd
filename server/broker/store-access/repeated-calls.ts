import type { ServerClock } from '../../runtime/runtime.js';
import type { Limits } from '../../domain/limits.js';
import { StoreUnavailableError } from '../../store/fleet-store.js';
import type { StoreHealth } from './store-health.js';

/** How many calls of one client wait for the store. A client has few requests and sessions. */
export const MAX_WAITING_OF_CLIENT = 8;

/**
 * Calls that give something up: a session, a slot, a queue position. They are repeated when the store is back after an outage, because
 * nobody else would make them: the player or host that asked for them has nothing left to do.
 */
export class RepeatedCalls {
  /** Reservations and unattended queue positions expire by then, so nothing is left to give up. */
  readonly #giveUpMs: number;
  /** Number of calls that wait for the store, by the connection that they are made for. */
  readonly #waiting = new Map<object, number>();
  readonly #stopListeners = new Set<() => void>();
  #stopped = false;

  constructor(
    private readonly storeHealth: StoreHealth,
    private readonly clock: Pick<ServerClock, 'monotonicMs' | 'setTimer'>,
    { reservationMs, queueGraceMs }: Pick<Limits, 'reservationMs' | 'queueGraceMs'>,
  ) {
    this.#giveUpMs = Math.max(reservationMs, queueGraceMs);
  }

  /**
   * Makes a call, and makes it again each time the store answers after it failed.
   *
   * @param owner the connection that the call is made for
   * @param max how many calls of the owner may wait at a time; further ones fail
   * @param call must be safe to repeat
   * @throws StoreUnavailableError when the outage is too long or the broker stops, and all that the call throws itself
   */
  run<T>(owner: object, max: number, call: () => Promise<T>): Promise<T> {
    const giveUpAtMs = this.clock.monotonicMs() + this.#giveUpMs;
    // Every match makes such a call, and nearly every first one succeeds.
    return call().catch((error: unknown) => this.#repeat(owner, max, call, giveUpAtMs, error));
  }

  async #repeat<T>(
    owner: object,
    max: number,
    call: () => Promise<T>,
    giveUpAtMs: number,
    firstError: unknown,
  ): Promise<T> {
    let error = firstError;
    for (;;) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.storeHealth.recordFailure();
      const leftMs = giveUpAtMs - this.clock.monotonicMs();
      const waiting = this.#waiting.get(owner) ?? 0;
      if (this.#stopped || leftMs <= 0 || waiting >= max) throw error;
      this.#waiting.set(owner, waiting + 1);
      await this.#untilAnswer(leftMs);
      const others = (this.#waiting.get(owner) ?? 1) - 1;
      if (others === 0) this.#waiting.delete(owner);
      else this.#waiting.set(owner, others);
      try {
        return await call();
      } catch (nextError) {
        error = nextError;
      }
    }
  }

  /** Calls that wait fail, as later ones do. */
  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stopListeners) stop();
  }

  /** Resolves when the store answers, the time is over, or the broker stops. */
  #untilAnswer(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer();
        this.#stopListeners.delete(end);
        resolve();
      };
      const cancelTimer = this.clock.setTimer(end, timeoutMs);
      this.#stopListeners.add(end);
      void this.storeHealth.untilAnswer().then(end);
    });
  }
}
