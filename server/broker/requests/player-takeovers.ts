/** The takeover of a player that runs, and the one that waits for it. */
interface RunningTakeover {
  waiting: { readonly start: () => void; readonly cancel: (byRequestId: string) => void } | null;
}

/** A newer request of the player takes over. */
export class TakeoverOutdated extends Error {
  constructor(readonly byRequestId: string) {
    super('A newer request of the player takes over.');
  }
}

/**
 * Takes over the live requests of players one at a time. Each takeover ends the one before it, so of several that arrive while one
 * is under way only the newest is carried out: a player with many connections costs the store no more than one with two.
 */
export class PlayerTakeovers {
  /** By player; at most one for each unanswered request of a connection. */
  readonly #running = new Map<string, RunningTakeover>();

  /**
   * Runs `work` when no other work for the player runs.
   *
   * @param requestId the request that takes over
   * @throws TakeoverOutdated when a newer one arrived before this could start
   */
  async run<Result>(playerId: string, requestId: string, work: () => Promise<Result>): Promise<Result> {
    await this.#waitUntilFree(playerId, requestId);
    try {
      return await work();
    } finally {
      this.#startNext(playerId);
    }
  }

  async #waitUntilFree(playerId: string, requestId: string): Promise<void> {
    const running = this.#running.get(playerId);
    if (running === undefined) {
      this.#running.set(playerId, { waiting: null });
      return;
    }
    running.waiting?.cancel(requestId);
    await new Promise<void>((resolve, reject) => {
      running.waiting = {
        start: resolve,
        cancel: (byRequestId) => reject(new TakeoverOutdated(byRequestId)),
      };
    });
  }

  #startNext(playerId: string): void {
    const running = this.#running.get(playerId);
    const next = running?.waiting;
    if (running === undefined || next === null || next === undefined) {
      this.#running.delete(playerId);
      return;
    }
    running.waiting = null;
    next.start();
  }
}
