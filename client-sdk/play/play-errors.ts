import type { EndReason } from '@duskline/protocol/vocabulary';
import type { DusklineError } from '../errors.js';

/** Answers about a session that lives, as far as we knew, and what they say about its end. */
export const END_REASON_BY_ERROR: ReadonlyMap<string, EndReason> = new Map([
  ['SESSION_OVER', 'error'],
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);

/** The broker could not answer now. It says nothing about what the request has: a place, an offer, a session. */
export function isTemporaryFailure(error: DusklineError): boolean {
  return error.retryable && !isNoCapacity(error);
}

/** A refusal that asking again may cure, for a caller who is willing to. */
export function isWorthRetrying(error: DusklineError): boolean {
  return error.retryable && (isNoCapacity(error) || error.code === 'UNAVAILABLE');
}

/** A signal did not arrive; nothing else is wrong with the session. */
export function isLostSignalError({ code }: DusklineError): boolean {
  return code === 'PEER_AWAY' || code === 'TOO_MANY_SIGNALS';
}

/** There is no slot, or not even room to wait for one. */
function isNoCapacity({ code }: DusklineError): boolean {
  return code === 'NO_CAPACITY' || code === 'QUEUE_FULL';
}
