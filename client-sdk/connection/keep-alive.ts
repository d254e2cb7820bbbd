import type { Clock } from '../runtime/clock.js';

/** The connection counts as dead after this many unanswered pings. */
const MAX_UNANSWERED_PINGS = 2;

export interface KeepAliveWiring {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly sendPing: (id: number) => void;
  /** Called once. No pings follow. */
  readonly onDead: () => void;
}

/**
 * Detects connections that died without a close. Browsers hide WebSocket ping frames from scripts, so the SDK sends messages of
 * type `ping`, but only if nothing was received for an interval.
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

  /** A frame was received, which proves that the connection works. */
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
