import type { Placed, RequestTerms } from './play-request.js';
import type { Transition } from './transition.js';

/** Epoch of a request that is recorded for the first time. */
const FIRST_EPOCH = 1;

/**
 * Begins the life of a request.
 *
 * @param sessionId of the session that a new request becomes
 * @param mayReserveAhead whether a slot may be reserved while the request is being recorded: this broker knows of nothing else
 *   that lives for the player, and has no reason to believe that the request was made before
 */
export function beginRequest<P extends Placed>(
  terms: RequestTerms,
  sessionId: string,
  mayReserveAhead: boolean,
): Transition<P> {
  const ahead = { kind: mayReserveAhead ? 'pending' : 'none' } as const;
  return {
    request: {
      terms,
      sessionId,
      epoch: FIRST_EPOCH,
      phase: { name: 'recording', ahead },
      calls: mayReserveAhead ? 2 : 1,
      queues: [],
      arrivedAtMs: null,
      missedOffer: false,
      lostReplacements: 0,
    },
    effects: [{ type: 'record' }, ...(mayReserveAhead ? [{ type: 'reserve', index: 0 } as const] : [])],
  };
}
