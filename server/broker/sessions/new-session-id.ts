import { v7 } from 'uuid';
import type { Runtime } from '../../runtime/runtime.js';

const BYTES_PER_ID = 16;
/** How many ids one call of the random number generator serves: a call costs as much as the rest of the work for an id. */
const IDS_PER_CALL = 256;
/** Highest start value of the sequence in a millisecond: half of the 32-bit range, so that the sequence cannot overflow. */
const MAX_FIRST = 0x7fff_ffff;

/** Names the sessions of one broker. */
export interface SessionNaming {
  /**
   * Creates a session id: a UUID of version 7 (RFC 9562). The ids of one broker increase, also within a millisecond, because a
   * queue orders requests that arrived in the same millisecond by id.
   */
  readonly newSessionId: () => string;
}

export function createSessionNaming({ clock, random }: Runtime): SessionNaming {
  const bytes = Buffer.alloc(IDS_PER_CALL * BYTES_PER_ID);
  let used = bytes.length;
  let msecs = 0;
  let seq = 0;

  const nextBytes = (): Buffer => {
    if (used === bytes.length) {
      random.fill(bytes);
      used = 0;
    }
    used += BYTES_PER_ID;
    return bytes.subarray(used - BYTES_PER_ID, used);
  };

  return {
    newSessionId() {
      const own = nextBytes();
      const nowMs = clock.wallMs();
      if (nowMs > msecs) {
        msecs = nowMs;
        seq = own.readUInt32BE(0) & MAX_FIRST;
      } else {
        seq += 1;
      }
      return v7({ random: own, msecs, seq });
    },
  };
}
