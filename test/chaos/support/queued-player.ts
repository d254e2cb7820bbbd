import { DusklineError, type PlayOptions, type QueueState, type Session } from '@duskline/client/node';
import type { GroupPlayer } from '../../support/recovery/player-group.js';

/** A player who stands in a queue. */
export interface QueuedPlayer {
  readonly player: string;
  /** What it was told last of its place, and everything before. */
  readonly told: QueueState[];
  /** What came of it; the error where it was refused. */
  readonly answer: Promise<Session | DusklineError>;
}

/** Asks for a player, and resolves when it was told its place, or has its answer. */
export async function joinQueue(
  { player, client }: GroupPlayer,
  options: PlayOptions,
): Promise<QueuedPlayer> {
  const told: QueueState[] = [];
  return new Promise((resolve) => {
    const answer = client
      .play({
        ...options,
        onQueued: (regionPool) => {
          told.push(regionPool);
          resolve(line);
        },
      })
      .catch((error: unknown) => {
        if (error instanceof DusklineError) return error;
        throw error;
      });
    const line: QueuedPlayer = { player, told, answer };
    void answer.then(() => resolve(line));
  });
}
