/** What works for a player, and what waits for it. */
interface Turn {
  waiting: { readonly start: () => void; readonly cancel: (byRequestId: string) => void } | null;
}

/** A newer request of the player takes over. */
export class TurnTaken extends Error {
  constructor(readonly byRequestId: string) {
    super('A newer request of the player takes over.');
  }
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
   * @param requestId the request that takes over
   * @throws TurnTaken when a newer one arrived before this could start
   */
  async run<Result>(playerId: string, requestId: string, work: () => Promise<Result>): Promise<Result> {
    await this.#awaitTurn(playerId, requestId);
    try {
      return await work();
    } finally {
      this.#endTurn(playerId);
    }
  }

  async #awaitTurn(playerId: string, requestId: string): Promise<void> {
    const turn = this.#turns.get(playerId);
    if (turn === undefined) {
      this.#turns.set(playerId, { waiting: null });
      return;
    }
    turn.waiting?.cancel(requestId);
    await new Promise<void>((resolve, reject) => {
      turn.waiting = { start: resolve, cancel: (byRequestId) => reject(new TurnTaken(byRequestId)) };
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
