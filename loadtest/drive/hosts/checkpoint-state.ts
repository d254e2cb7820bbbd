import { monotonicMs } from '../clock.js';

/**
 * What a host of the run hands over of a session that moves: whose it is, so that nobody takes up another's, and since
 * when it is held still, so that whoever lets it go on knows for how long it was. All threads have one monotonic clock.
 */
export function encodeCheckpoint(sessionId: string, pausedSinceMs: number): Uint8Array {
  return Buffer.from(JSON.stringify({ sessionId, pausedSinceMs }));
}

/** @returns since when it is held still; `undefined` for what is none of this session */
export function decodeCheckpoint(sessionId: string, state: Uint8Array): number | undefined {
  try {
    const value = JSON.parse(Buffer.from(state).toString('utf8')) as Record<string, unknown> | null;
    const pausedSinceMs = value?.['pausedSinceMs'];
    if (value?.['sessionId'] !== sessionId || typeof pausedSinceMs !== 'number') return undefined;
    return pausedSinceMs <= monotonicMs() ? pausedSinceMs : undefined;
  } catch {
    return undefined;
  }
}
