import { monotonicMs } from './clock.js';

/**
 * What a host of the run hands over of a session that moves: whose it is, so that nobody takes up another's, and since
 * when it is held still, so that whoever lets it go on knows for how long it was. All threads have one monotonic clock.
 */
export function writeHandOver(sessionId: string, stillSinceMs: number): Uint8Array {
  return Buffer.from(JSON.stringify({ sessionId, stillSinceMs }));
}

/** @returns since when it is held still; `undefined` for what is none of this session */
export function readHandOver(sessionId: string, state: Uint8Array): number | undefined {
  try {
    const value = JSON.parse(Buffer.from(state).toString('utf8')) as Record<string, unknown> | null;
    const stillSinceMs = value?.['stillSinceMs'];
    if (value?.['sessionId'] !== sessionId || typeof stillSinceMs !== 'number') return undefined;
    return stillSinceMs <= monotonicMs() ? stillSinceMs : undefined;
  } catch {
    return undefined;
  }
}
