import type { EndReason } from '@duskline/protocol/vocabulary';
import type { DusklineError } from '../errors.js';
import type { PlayState } from './play-state.js';

/** The end of the session that an error of the broker implies. */
const END_REASON_BY_ERROR: ReadonlyMap<string, EndReason> = new Map([
  ['SESSION_OVER', 'error'],
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);

/**
 * What a play request does about an error:
 *
 * - `undefined`: nothing.
 * - `pause`: sends the message of the phase again, later.
 * - `queued`: waits in the queue again; the offer is gone.
 * - `refuse`: rejects `play()`; the request is over.
 * - `cancel`: rejects `play()`, and cancels the request, which the broker may have recorded.
 * - `over`: the request is over: the broker has confirmed the cancel.
 * - `signalLost`: reports a lost signal; the session is not affected.
 * - `refuseEnd`: rejects `end()`; the session continues.
 * - `{ ended }`: the session has ended, for this reason.
 */
export type ErrorReaction =
  | 'pause'
  | 'queued'
  | 'refuse'
  | 'cancel'
  | 'over'
  | 'signalLost'
  | 'refuseEnd'
  | { readonly ended: EndReason }
  | undefined;

/**
 * Decides what to do about an error that the broker sent about a request or its session.
 *
 * @param isInTime whether the application waits for another attempt, if no broker has accepted the request
 */
export function reactToError(
  { phase, contact, sessionId }: PlayState,
  error: DusklineError,
  isInTime: boolean,
): ErrorReaction {
  const { code } = error;
  const isOfOtherSession =
    error.sessionId !== undefined && error.sessionId !== (sessionId ?? error.sessionId);
  if (isOfOtherSession && code !== 'SESSION_EXISTS') return undefined;
  // `NO_MOVE` answers a `stay` that was too late: the message that the session has moved is on its way. `NO_OFFER` is about an
  // earlier offer, except in `accepting`.
  if (code === 'NO_MOVE' || (code === 'NO_OFFER' && phase !== 'accepting')) return undefined;
  const ended = END_REASON_BY_ERROR.get(code);
  const isAboutRequest = error.requestId !== undefined;
  switch (phase) {
    case 'asking':
      if (error.retryable && isInTime) return 'pause';
      return isInconclusive(error) ? 'cancel' : 'refuse';
    case 'queued':
    case 'offered':
    case 'accepting':
      if (code === 'NO_OFFER') return 'queued';
      return isInconclusive(error) || (error.retryable && isInTime) ? 'pause' : 'refuse';
    case 'matched':
    case 'requeued':
      if (ended !== undefined) return { ended };
      if (!isAboutRequest) return 'signalLost';
      if (isInconclusive(error)) return 'pause';
      // In `matched` the broker has no record of the session, and gave no other. The host may still have it, so it has not ended.
      return phase === 'requeued' ? { ended: 'host_lost' } : undefined;
    case 'ending':
      if (code === 'PEER_AWAY' || code === 'TOO_MANY_SIGNALS') return 'signalLost';
      if (ended === undefined && isInconclusive(error)) return 'pause';
      // The broker has no record of the session, so neither side can end it.
      if (ended !== undefined || code === 'UNKNOWN_SESSION' || isAboutRequest || contact !== 'answered')
        return { ended: 'client_left' };
      return 'refuseEnd';
    case 'cancelling':
      if (isInconclusive(error)) return 'pause';
      // Other errors answer the messages that crossed the `cancel`.
      return code === 'CANCELLED' ? 'over' : undefined;
    case 'over':
      return undefined;
  }
}

/** The broker could not answer. This says nothing about the request's position, offer or session. */
export function isInconclusive({ code }: DusklineError): boolean {
  return code === 'UNAVAILABLE' || code === 'INTERNAL';
}
