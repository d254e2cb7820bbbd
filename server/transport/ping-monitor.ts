/** A connection that is watched. Its own fields hold the count, so that watching costs an entry and no more. */
export interface Watched {
  /** Pings in a row that nothing followed. */
  missedPings: number;
  ping(): void;
  /** It answers no more: cut it. */
  giveUp(): void;
}

/**
 * Pings every connection and gives up on those that do not answer. One timer for all of them. Whoever gives a sign of life,
 * a pong or any message, sets its `missedPings` to 0.
 */
export class PingMonitor {
  readonly #watched = new Set<Watched>();
  readonly #maxMissed: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: { readonly intervalMs: number; readonly maxMissed: number }) {
    this.#maxMissed = options.maxMissed;
    this.#timer = setInterval(() => this.#round(), options.intervalMs).unref();
  }

  watch(watched: Watched): void {
    this.#watched.add(watched);
  }

  forget(watched: Watched): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #round(): void {
    for (const watched of this.#watched) {
      if (watched.missedPings >= this.#maxMissed) {
        watched.giveUp();
        continue;
      }
      watched.missedPings += 1;
      watched.ping();
    }
  }
}
