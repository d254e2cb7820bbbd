import type { Clock, Random } from '@duskline/sdk-runtime';

/** Time, timers, and turns of the event loop. Tests and simulations replace it, to move time instead of waiting for it. */
export interface ServerClock extends Clock {
  /** Like `setTimer`, but the timer does not keep the process alive. */
  setBackgroundTimer(callback: () => void, delayMs: number): () => void;
  /** Calls `callback` in the next turn of the event loop: after the loop has read its sockets. */
  runNextTurn(callback: () => void): void;
  /**
   * Calls `callback` when the code that runs now has ended and all promises that are settled by then have called their callbacks,
   * before the event loop continues.
   */
  runAfterCallbacks(callback: () => void): void;
}

/** Random numbers and ids. Simulations replace it by numbers from a seed. */
export interface RandomSource {
  /** Returns a number from 0 to 1, excluding 1, to spread delays. Not for secrets. */
  readonly number: Random;
  /** Fills the array with bytes that cannot be guessed. */
  fill(bytes: Uint8Array): void;
  /** Returns a UUID of version 4 that cannot be guessed. */
  uuid(): string;
}

/** What a server gets from the machine besides sockets. With simulated time and a seed, a run can be repeated exactly. */
export interface Runtime {
  readonly clock: ServerClock;
  readonly random: RandomSource;
}
