import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES_PER_ID = 16;
/** One call of the random number generator serves so many ids: a call costs as much as all the rest of an id. */
const IDS_PER_CALL = 256;
/** Where the sequence begins in a millisecond: half of its 32 bits, so that there is room to count on. */
const MAX_FIRST = 0x7fff_ffff;

const random = Buffer.alloc(IDS_PER_CALL * BYTES_PER_ID);
let used = random.length;
let msecs = 0;
let seq = 0;

/**
 * A new id for a session: a UUID of version 7 (RFC 9562). Those that one broker makes rise, also within a millisecond: in a
 * queue the id decides between two that arrived together.
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
