import type { Clock } from '../runtime/clock.js';

/** Pings without an answer after which the connection counts as dead. */
const MAX_UNANSWERED_PINGS = 2;

export interface KeepAliveWiring {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly sendPing: (id: number) => void;
  /** Called once; nothing is heard or sent after it. */
  readonly onDead: () => void;
}

/**
 * Finds connections that died without a close. Browsers show no WebSocket ping frames to scripts, so the
 * SDK sends pings of its own, only when nothing else was heard for an interval.
 */
export class KeepAlive {
  readonly #wiring: KeepAliveWiring;
  #cancelTimer: () => void = () => undefined;
  #hadTraffic = false;
  #unansweredPings = 0;
  #lastPingId = 0;

  constructor(wiring: KeepAliveWiring) {
    this.#wiring = wiring;
    this.#schedule();
  }

  /** Any frame proves that the broker is there. */
  recordTraffic(): void {
    this.#hadTraffic = true;
  }

  stop(): void {
    this.#cancelTimer();
  }

  #schedule(): void {
    this.#cancelTimer = this.#wiring.clock.setTimer(() => this.#checkTraffic(), this.#wiring.intervalMs);
  }

  #checkTraffic(): void {
    if (this.#hadTraffic) {
      this.#hadTraffic = false;
      this.#unansweredPings = 0;
    } else if (this.#unansweredPings === MAX_UNANSWERED_PINGS) {
      this.#wiring.onDead();
      return;
    } else {
      this.#unansweredPings += 1;
      this.#lastPingId += 1;
      this.#wiring.sendPing(this.#lastPingId);
    }
    this.#schedule();
  }
}
