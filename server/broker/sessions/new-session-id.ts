import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES_PER_ID = 16;
/** How many ids one call of the random number generator serves: a call costs as much as the rest of the work for an id. */
const IDS_PER_CALL = 256;
/** Highest start value of the sequence in a millisecond: half of the 32-bit range, so that the sequence cannot overflow. */
const MAX_FIRST = 0x7fff_ffff;

const random = Buffer.alloc(IDS_PER_CALL * BYTES_PER_ID);
let used = random.length;
let msecs = 0;
let seq = 0;

/**
 * Creates a session id: a UUID of version 7 (RFC 9562). The ids of one broker increase, also within a millisecond, because a
 * queue orders requests that arrived in the same millisecond by id.
 */
export function newSessionId(): string {
  const bytes = nextBytes();
  const nowMs = Date.now();
  if (nowMs > msecs) {
    msecs = nowMs;
    seq = bytes.readUInt32BE(0) & MAX_FIRST;
  } else {
    seq += 1;
  }
  return v7({ random: bytes, msecs, seq });
}

function nextBytes(): Buffer {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += BYTES_PER_ID;
  return random.subarray(used - BYTES_PER_ID, used);
}
