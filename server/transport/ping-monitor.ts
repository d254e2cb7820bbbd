/** A connection that is watched. Its own fields hold the count, so that watching costs an entry and no more. */
export interface MonitoredConnection {
  /** Pings in a row that nothing followed. */
  missedPings: number;
  ping(): void;
  /** It answers no more: cut it. */
  terminate(): void;
}

/**
 * Pings every connection and gives up on those that do not answer. One timer for all of them. Whoever gives a sign of life,
 * a pong or any message, sets its `missedPings` to 0.
 */
export class PingMonitor {
  readonly #watched = new Set<MonitoredConnection>();
  readonly #maxMissed: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: { readonly intervalMs: number; readonly maxMissed: number }) {
    this.#maxMissed = options.maxMissed;
    this.#timer = setInterval(() => this.#pingAll(), options.intervalMs).unref();
  }

  watch(watched: MonitoredConnection): void {
    this.#watched.add(watched);
  }

  unwatch(watched: MonitoredConnection): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
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
