import type { EndReason } from '@duskline/protocol/vocabulary';
import type { DusklineError } from './errors.js';

/** Answers about a session that lives, as far as we knew, and what they say about its end. */
export const ENDED_BY: ReadonlyMap<string, EndReason> = new Map([
  ['SESSION_OVER', 'error'],
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);

/** The broker could not answer now. It says nothing about what the request has: a place, an offer, a session. */
export function isFailure(error: DusklineError): boolean {
  return error.retryable && !isNoRoom(error);
}

/** A refusal that asking again may cure, for a caller who is willing to. */
export function isWorthAskingAgain(error: DusklineError): boolean {
  return error.retryable && (isNoRoom(error) || error.code === 'UNAVAILABLE');
}

/** A signal did not arrive; nothing else is wrong with the session. */
export function losesSignal({ code }: DusklineError): boolean {
  return code === 'PEER_AWAY' || code === 'TOO_MANY_SIGNALS';
}

/** There is no slot, or not even room to wait for one. */
function isNoRoom({ code }: DusklineError): boolean {
  return code === 'NO_CAPACITY' || code === 'QUEUE_FULL';
}
