import { DusklineError, type PlayOptions, type QueueState, type Session } from '@duskline/client/node';
import type { SwarmPlayer } from '../support/swarm.js';

/** A player who stands in a queue. */
export interface InLine {
  readonly player: string;
  /** What it was told last of its place, and everything before. */
  readonly told: QueueState[];
  /** What came of it; the error where it was refused. */
  readonly answer: Promise<Session | DusklineError>;
}

/** Asks for a player, and resolves when it was told its place, or has its answer. */
export async function standInLine({ player, client }: SwarmPlayer, options: PlayOptions): Promise<InLine> {
  const told: QueueState[] = [];
  return new Promise((resolve) => {
    const answer = client
      .play({
        ...options,
        onQueued: (place) => {
          told.push(place);
          resolve(line);
        },
      })
      .catch((error: unknown) => {
        if (error instanceof DusklineError) return error;
        throw error;
      });
    const line: InLine = { player, told, answer };
    void answer.then(() => resolve(line));
  });
}
