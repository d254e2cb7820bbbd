import type { Clock } from '@duskline/sdk-runtime';

/** The connection counts as dead after this many unanswered pings. */
const MAX_UNANSWERED_PINGS = 2;

export interface KeepAliveDependencies {
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
  readonly #dependencies: KeepAliveDependencies;
  #cancelTimer: () => void = () => undefined;
  #hadTraffic = false;
  #unansweredPings = 0;
  #lastPingId = 0;

  constructor(dependencies: KeepAliveDependencies) {
    this.#dependencies = dependencies;
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
    this.#cancelTimer = this.#dependencies.clock.setTimer(
      () => this.#checkTraffic(),
      this.#dependencies.intervalMs,
    );
  }

  #checkTraffic(): void {
    if (this.#hadTraffic) {
      this.#hadTraffic = false;
      this.#unansweredPings = 0;
    } else if (this.#unansweredPings === MAX_UNANSWERED_PINGS) {
      this.#dependencies.onDead();
      return;
    } else {
      this.#unansweredPings += 1;
      this.#lastPingId += 1;
      this.#dependencies.sendPing(this.#lastPingId);
    }
    this.#schedule();
  }
}
