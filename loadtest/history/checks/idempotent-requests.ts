import type { CreateCheck } from '../check.js';
import { requestName, type EventOf } from '../events.js';

/** S7: a request that a player repeats leads to the same session, at any time and on any broker. */
export const checkIdempotentRequests: CreateCheck = (_, report) => {
  const first = new Map<string, EventOf<'matched'>>();
  return {
    on: {
      matched(event) {
        const key = requestName(event);
        const known = first.get(key);
        if (known === undefined) first.set(key, event);
        else if (known.sessionId !== event.sessionId) {
          const which = `${known.sessionId} and ${event.sessionId}`;
          report(`request ${event.requestId} of ${event.player} led to ${which}`, known, event);
        }
      },
    },
  };
};
