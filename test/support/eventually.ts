import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 5;

/**
 * Looks until something works, for what a real process announces to nobody. Rejects at the deadline, with
 * the last reason why it did not.
 */
export async function retryUntilSuccess<T>(look: () => Promise<T>, deadlineMs = 5_000): Promise<T> {
  const untilMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** Asks until it is so. Rejects at the deadline, with the question. */
export async function waitUntil(isSo: () => Promise<boolean> | boolean, deadlineMs = 5_000): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error(`not so within ${deadlineMs} ms: ${isSo.toString()}`);
    await delay(LOOK_AGAIN_MS);
  }
}
