import type { OnConflict } from '@duskline/protocol/vocabulary';

/** How a request gets the place of its player's live one. */
export type HandoverKind = Exclude<OnConflict, 'fail'>;

/** A handover that waits for the one that runs. */
interface WaitingHandover {
  readonly kind: HandoverKind;
  readonly start: () => void;
  readonly cancel: (outdated: HandoverOutdated) => void;
}

/** A newer request of the player gets what this one would have got. */
export class HandoverOutdated extends Error {
  constructor(
    readonly byRequestId: string,
    readonly byKind: HandoverKind,
  ) {
    super('A newer request of the player gets its session.');
  }
}

/**
 * Hands the live request of a player over to another of its requests, one at a time: a takeover ends it, a resume continues it. Of several
 * that arrive while one is under way only the last takeover is carried out, and the last resume after that, because each would lose what
 * it got to the next one at once. So a player with many connections costs the store no more than one with three.
 */
export class PlayerHandovers {
  /** Those that wait, by player: a takeover, a resume, or both in this order. A player without a running one has no entry. */
  readonly #waiting = new Map<string, readonly WaitingHandover[]>();

  /**
   * Runs `work` when no other handover of the player runs.
   *
   * @param requestId the request that gets the place of the live one
   * @throws HandoverOutdated when a newer one arrived before this could start
   */
  async run<Result>(
    playerId: string,
    requestId: string,
    kind: HandoverKind,
    work: () => Promise<Result>,
  ): Promise<Result> {
    await this.#waitUntilFree(playerId, requestId, kind);
    try {
      return await work();
    } finally {
      this.#startNext(playerId);
    }
  }

  async #waitUntilFree(playerId: string, requestId: string, kind: HandoverKind): Promise<void> {
    const waiting = this.#waiting.get(playerId);
    if (waiting === undefined) {
      this.#waiting.set(playerId, []);
      return;
    }
    // A resume continues what a takeover before it begins.
    const stays = (earlier: WaitingHandover): boolean => kind === 'resume' && earlier.kind === 'takeover';
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(playerId, [...waiting.filter(stays), { kind, start: resolve, cancel: reject }]);
      for (const earlier of waiting)
        if (!stays(earlier)) earlier.cancel(new HandoverOutdated(requestId, kind));
    });
  }

  #startNext(playerId: string): void {
    const [next, ...others] = this.#waiting.get(playerId) ?? [];
    if (next === undefined) {
      this.#waiting.delete(playerId);
      return;
    }
    this.#waiting.set(playerId, others);
    next.start();
  }
}
