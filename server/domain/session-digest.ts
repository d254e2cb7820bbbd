import type { SessionState } from '@duskline/protocol/vocabulary';
import { isHeld } from './session-state.js';

/** A session as far as the digest tells it apart. */
export interface DigestedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: SessionState;
}

/** One number per state; part of the store's format. */
const STATE_CODE: Record<SessionState, number> = {
  reserved: 0,
  active: 1,
  connected: 2,
  disconnected: 3,
  ended: 0,
};

/**
 * A session's share of its host's digest: a 32-bit number, 0 for sessions the host does not hold.
 * The last 32 bits of a UUID v7 are random, so they serve as its hash.
 */
export function sessionDigest({ sessionId, epoch, state }: DigestedSession): number {
  if (!isHeld(state)) return 0;
  return (Number.parseInt(sessionId.slice(-8), 16) ^ (epoch * 4 + STATE_CODE[state])) | 0;
}

/**
 * Digest of all sessions a host holds: the exclusive or of their shares, so that it can be kept up to
 * date by one operation per change and does not depend on order. Host and store comparing equal digests
 * need not compare lists.
 */
export function digestOf(sessions: Iterable<DigestedSession>): number {
  let digest = 0;
  for (const session of sessions) digest ^= sessionDigest(session);
  return digest;
}
