import type { ServerClock } from './runtime.js';

/** Resolves after `delayMs`. */
export function delay(clock: Pick<ServerClock, 'setTimer'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, delayMs);
  });
}
