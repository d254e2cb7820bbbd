import { DusklineError, type PlayOptions, type QueueState, type Session } from '@duskline/client/node';
import type { GroupPlayer } from '../../support/recovery/player-group.js';

/** A player whose request was sent, and usually waits in a queue. */
export interface QueuedPlayer {
  readonly player: string;
  /** All queue states that the player received, the latest last. */
  readonly updates: readonly QueueState[];
  /** Resolves with the session, or with the error of a refused request. */
  readonly answer: Promise<Session | DusklineError>;
}

/** Sends a request. Resolves when the player has a position in the queue, or the answer. */
export async function joinQueue(
  { player, client }: GroupPlayer,
  options: PlayOptions,
): Promise<QueuedPlayer> {
  const updates: QueueState[] = [];
  return new Promise((resolve) => {
    const answer = client
      .play({
        ...options,
        onQueued: (state) => {
          updates.push(state);
          resolve(queued);
        },
      })
      .catch((error: unknown) => {
        if (error instanceof DusklineError) return error;
        throw error;
      });
    const queued: QueuedPlayer = { player, updates, answer };
    void answer.then(() => resolve(queued));
  });
}
