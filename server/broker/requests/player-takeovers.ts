import { replacedRefusal } from './request-record.js';

/** The takeover of a player that runs, and the one that waits for it. */
interface RunningTakeover {
  waiting: { readonly start: () => void; readonly cancel: () => void } | null;
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
   * @throws Refusal CANCELLED when newer work arrived before this could start
   */
  async run<Result>(playerId: string, work: () => Promise<Result>): Promise<Result> {
    await this.#waitUntilFree(playerId);
    try {
      return await work();
    } finally {
      this.#startNext(playerId);
    }
  }

  async #waitUntilFree(playerId: string): Promise<void> {
    const running = this.#running.get(playerId);
    if (running === undefined) {
      this.#running.set(playerId, { waiting: null });
      return;
    }
    running.waiting?.cancel();
    await new Promise<void>((resolve, reject) => {
      running.waiting = { start: resolve, cancel: () => reject(replacedRefusal()) };
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
