import type { HeldState } from '@duskline/protocol/vocabulary';
import { isHeld, type StoredState } from './session-state.js';

/** A session as far as the digest tells it apart. */
export interface DigestedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: StoredState;
}

/** One number per state that a host holds a session in; part of the store's format. */
const STATE_CODE: Record<HeldState, number> = {
  moving: 0,
  active: 1,
  connected: 2,
  disconnected: 3,
};

/** An odd number with its bits well spread: 2^32 over the golden ratio. */
const SPREAD = 0x9e3779b1;

/**
 * A session's share of its host's digest: a 32-bit number, 0 for sessions the host does not hold.
 * The last 32 bits of a UUID v7 are random, so they serve as its hash.
 *
 * Id and state are mixed (the finaliser of MurmurHash3, by Austin Appleby), not merely joined by an exclusive
 * or: otherwise two sessions that make the same change at once would cancel each other out in the digest.
 */
export function sessionDigest({ sessionId, epoch, state }: DigestedSession): number {
  if (!isHeld(state)) return 0;
  let hash = Number.parseInt(sessionId.slice(-8), 16) ^ Math.imul(epoch * 4 + STATE_CODE[state], SPREAD);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

/**
 * Digest of all sessions a host holds: the exclusive or of their shares, so that it can be kept up to
 * date by one operation per change and does not depend on order. Host and store comparing equal digests
 * need not compare lists.
 */
export function digestSessions(sessions: Iterable<DigestedSession>): number {
  let digest = 0;
  for (const session of sessions) digest ^= sessionDigest(session);
  return digest;
}
