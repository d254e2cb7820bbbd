import type { Clock } from './clock.js';

/** Pings without an answer after which the connection counts as dead. */
const MAX_MISSED = 2;

export interface KeepAliveWiring {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly ping: (id: number) => void;
  /** Called once; nothing is heard or sent after it. */
  readonly dead: () => void;
}

/**
 * Finds connections that died without a close. Browsers show no WebSocket ping frames to scripts, so the
 * SDK sends pings of its own, only when nothing else was heard for an interval.
 */
export class KeepAlive {
  readonly #wiring: KeepAliveWiring;
  #cancelTimer: () => void = () => undefined;
  #heard = false;
  #missed = 0;
  #pings = 0;

  constructor(wiring: KeepAliveWiring) {
    this.#wiring = wiring;
    this.#schedule();
  }

  /** Any frame proves that the broker is there. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#cancelTimer();
  }

  #schedule(): void {
    this.#cancelTimer = this.#wiring.clock.setTimer(() => this.#tick(), this.#wiring.intervalMs);
  }

  #tick(): void {
    if (this.#heard) {
      this.#heard = false;
      this.#missed = 0;
    } else if (this.#missed === MAX_MISSED) {
      this.#wiring.dead();
      return;
    } else {
      this.#missed += 1;
      this.#pings += 1;
      this.#wiring.ping(this.#pings);
    }
    this.#schedule();
  }
}
