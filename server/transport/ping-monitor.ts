import type { ServerClock } from '../runtime/runtime.js';

/** A watched connection. It holds its own count, so that the monitor needs only a set entry for it. */
export interface MonitoredConnection {
  /** Unanswered pings in a row. */
  missedPings: number;
  ping(): void;
  /** Closes the socket without a close handshake: the peer does not answer. */
  terminate(): void;
}

/**
 * Pings all watched connections with one timer and terminates those that do not answer. A connection sets its `missedPings`
 * to 0 with each pong or message of its peer.
 */
export class PingMonitor {
  readonly #watched = new Set<MonitoredConnection>();
  readonly #maxMissed: number;
  readonly #intervalMs: number;
  readonly #clock: Pick<ServerClock, 'setBackgroundTimer'>;
  #cancelTimer: () => void;

  /**
   * @param options.intervalMs time between two pings of a connection
   * @param options.maxMissed unanswered pings in a row after which a connection is terminated
   */
  constructor(
    options: { readonly intervalMs: number; readonly maxMissed: number },
    clock: Pick<ServerClock, 'setBackgroundTimer'>,
  ) {
    this.#maxMissed = options.maxMissed;
    this.#intervalMs = options.intervalMs;
    this.#clock = clock;
    this.#cancelTimer = this.#setTimer();
  }

  watch(watched: MonitoredConnection): void {
    this.#watched.add(watched);
  }

  unwatch(watched: MonitoredConnection): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    this.#cancelTimer();
    this.#watched.clear();
  }

  #setTimer(): () => void {
    return this.#clock.setBackgroundTimer(() => {
      this.#cancelTimer = this.#setTimer();
      this.#pingAll();
    }, this.#intervalMs);
  }

  #pingAll(): void {
    for (const watched of this.#watched) {
      if (watched.missedPings >= this.#maxMissed) {
        watched.terminate();
        continue;
      }
      watched.missedPings += 1;
      watched.ping();
    }
  }
}
