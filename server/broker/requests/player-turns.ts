import { replacedRefusal } from './request-record.js';

/** What works for a player, and what waits for it. */
interface Turn {
  waiting: { readonly start: () => void; readonly cancel: () => void } | null;
}

/**
 * Takes over the live requests of players one at a time. Each takeover ends the one before it, so of several that arrive while one
 * is under way only the newest is carried out: a player with many connections costs the store no more than one with two.
 */
export class PlayerTurns {
  /** By player; at most one for each unanswered request of a connection. */
  readonly #turns = new Map<string, Turn>();

  /**
   * Runs `work` when no other work for the player runs.
   *
   * @throws Refusal CANCELLED when newer work arrived before this could start
   */
  async run<Result>(playerId: string, work: () => Promise<Result>): Promise<Result> {
    await this.#awaitTurn(playerId);
    try {
      return await work();
    } finally {
      this.#endTurn(playerId);
    }
  }

  async #awaitTurn(playerId: string): Promise<void> {
    const turn = this.#turns.get(playerId);
    if (turn === undefined) {
      this.#turns.set(playerId, { waiting: null });
      return;
    }
    turn.waiting?.cancel();
    await new Promise<void>((resolve, reject) => {
      turn.waiting = { start: resolve, cancel: () => reject(replacedRefusal()) };
    });
  }

  #endTurn(playerId: string): void {
    const turn = this.#turns.get(playerId);
    const next = turn?.waiting;
    if (turn === undefined || next === null || next === undefined) {
      this.#turns.delete(playerId);
      return;
    }
    turn.waiting = null;
    next.start();
  }
}
