import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 10;

/**
 * Looks until something is so, for what a real process announces to nobody. Rejects at the deadline, with
 * the last reason why it was not so.
 */
export async function eventually<T>(look: () => Promise<T>, deadlineMs = 5_000): Promise<T> {
  const untilMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > untilMs) throw error;
    }
    await delay(LOOK_AGAIN_MS);
  }
}
