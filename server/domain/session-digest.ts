import type { HeldState } from '@duskline/protocol/vocabulary';
import { isHeld, type StoredState } from './session-state.js';

/** The fields of a session that the digest covers. */
export interface DigestedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: StoredState;
}

/** A number for each state in which a host holds a session. Part of the store's format: never change it. */
const STATE_CODE: Record<HeldState, number> = {
  moving: 0,
  active: 1,
  connected: 2,
  disconnected: 3,
};

/** 2^32 divided by the golden ratio, made odd: spreads small integers over all bits (Knuth, TAOCP vol. 3, 6.4). */
const SPREAD = 0x9e3779b1;

/**
 * Digest of one session: a 32-bit number, 0 if its host does not hold it. The last 32 bits of a UUID v7 are random, so they
 * serve as its hash.
 *
 * Id, epoch and state are mixed by the finaliser of MurmurHash3 (Austin Appleby). With a plain exclusive or, two sessions
 * that change their states in the same way at once would cancel each other out.
 */
export function sessionDigest({ sessionId, epoch, state }: DigestedSession): number {
  if (!isHeld(state)) return 0;
  let hash = Number.parseInt(sessionId.slice(-8), 16) ^ Math.imul(epoch * 4 + STATE_CODE[state], SPREAD);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

/**
 * Digest of all sessions that a host holds: the exclusive or of their digests, so that it does not depend on their order and
 * each change updates it with one operation. If broker and store have the same digest, they need not compare lists.
 */
export function digestSessions(sessions: Iterable<DigestedSession>): number {
  let digest = 0;
  for (const session of sessions) digest ^= sessionDigest(session);
  return digest;
}
