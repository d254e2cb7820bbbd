import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when a fault has lasted this long. For scenarios about a fault of a given duration. */
export async function holdFaultFor(durationMs: number): Promise<void> {
  await delay(durationMs);
}

/** Resolves when this time has passed, for a time that the system measures with a clock that the test cannot advance. */
export async function letTimePass(durationMs: number): Promise<void> {
  await delay(durationMs);
}
