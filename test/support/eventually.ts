import { setTimeout as delay } from 'node:timers/promises';

const POLL_INTERVAL_MS = 5;

/**
 * Calls `attempt` until it succeeds, for a state of a real process that sends no event. Rejects with the last error of
 * `attempt` when the deadline passes.
 */
export async function retryUntilSuccess<T>(attempt: () => Promise<T>, deadlineMs = 5_000): Promise<T> {
  const untilMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    await delay(POLL_INTERVAL_MS);
  }
}

/** Polls a condition until it holds. Rejects at the deadline; the error shows the source of the condition. */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  deadlineMs = 5_000,
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > untilMs)
      throw new Error(`The condition did not hold within ${deadlineMs} ms: ${condition.toString()}`);
    await delay(POLL_INTERVAL_MS);
  }
}
