import { setImmediate } from 'node:timers/promises';

/** Resolves in the next turn of the event loop, after the callbacks of all promises that are settled now. */
export async function nextTurn(): Promise<void> {
  await setImmediate();
}
