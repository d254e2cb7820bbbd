import { monotonicMs } from '../clock.js';

/**
 * Encodes the state that a host of the run hands over with a session that moves. The session id lets the target host detect
 * the state of another session. `pausedSinceMs` lets the host that resumes the session measure the interruption: all
 * threads share one monotonic clock.
 */
export function encodeCheckpoint(sessionId: string, pausedSinceMs: number): Uint8Array {
  return Buffer.from(JSON.stringify({ sessionId, pausedSinceMs }));
}

/** @returns when the session was paused; `undefined` when the state is invalid or belongs to another session */
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
