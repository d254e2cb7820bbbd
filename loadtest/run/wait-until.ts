import { monotonicMs } from '../drive/clock.js';
import type { WorkerPool } from '../drive/workers/worker-pool.js';

/** Time between two checks of a condition, in milliseconds. */
export const POLL_INTERVAL_MS = 200;

export interface WaitOptions {
  readonly withinMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
  readonly pool: Pick<WorkerPool, 'failed'>;
}

/**
 * Waits until a condition holds.
 *
 * @returns whether it held before the time was over and before `signal` aborted
 * @throws the error of a worker that failed meanwhile
 */
export async function waitUntil(
  holds: () => boolean,
  { withinMs, signal, pool }: WaitOptions,
): Promise<boolean> {
  const deadlineMs = monotonicMs() + withinMs;
  for (;;) {
    await Promise.race([pause(Math.min(POLL_INTERVAL_MS, Math.max(1, withinMs))), pool.failed]);
    if (holds()) return true;
    if (monotonicMs() >= deadlineMs || signal?.aborted === true) return false;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
