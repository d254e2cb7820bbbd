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

/** Options of `waitUntil`. */
export interface WaitOptions {
  /** Default 5. Longer where each poll is expensive and many tests poll at the same time. */
  readonly pollIntervalMs?: number;
  /** State at the deadline, for the error. By default the error shows the source of the condition. */
  readonly describe?: () => Promise<string> | string;
}

/** Polls a condition until it holds. Rejects at the deadline. */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  deadlineMs = 5_000,
  { pollIntervalMs = POLL_INTERVAL_MS, describe = () => condition.toString() }: WaitOptions = {},
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > untilMs)
      throw new Error(`The condition did not hold within ${deadlineMs} ms: ${await describe()}`);
    await delay(pollIntervalMs);
  }
}
