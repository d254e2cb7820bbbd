import { setTimeout as delay } from 'node:timers/promises';

/**
 * Pause between two steps of a peer or a monitor that runs beside the test. The test itself must not depend on how long it
 * is: it waits for an event or with `waitUntil`.
 *
 * @param signal ends the pause early
 */
export async function pauseFor(pauseMs: number, signal?: AbortSignal): Promise<void> {
  await delay(pauseMs, undefined, { signal }).catch(() => undefined);
}

/** Calls `step` at this interval until the returned function is called, for peers that send on their own. */
export function repeatEvery(intervalMs: number, step: () => void): () => void {
  const timer = setInterval(step, intervalMs);
  return () => clearInterval(timer);
}
