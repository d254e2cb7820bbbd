import type { EndReason } from '@duskline/protocol/vocabulary';
import type { DusklineError } from '../errors.js';
import type { PlayPhase } from './play-phase.js';

/** The end of the session that an error of the broker implies. */
const END_REASON_BY_ERROR: ReadonlyMap<string, EndReason> = new Map([
  ['SESSION_OVER', 'error'],
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);

/** What a decision about an error depends on, besides the error. */
export interface RequestSituation {
  readonly phase: PlayPhase;
  /** A broker has accepted the request, or may have accepted it. */
  readonly isKnownToBroker: boolean;
  /** The slot was lost after the match, and the broker queued the request again. */
  readonly isRequeued: boolean;
  /** The broker of this connection knows the session as this client's. */
  readonly isAttached: boolean;
}

/**
 * What a play request does about an error:
 *
 * - `undefined`: nothing.
 * - `queued`: enter that phase; the offer is gone.
 * - `held`: enter that phase again; the broker refuses to end the session, so `end()` rejects.
 * - `over`: enter that phase.
 * - `retry`: send the message of the current phase again, later.
 * - `reject`: retry if the application asked for it (`retry.maxWaitMs`) and the error allows it, else reject `play()`.
 * - `signalLost`: report a lost signal; the session is not affected.
 * - `{ ended }`: the session has ended, for this reason.
 */
export type ErrorReaction =
  'queued' | 'held' | 'over' | 'retry' | 'reject' | 'signalLost' | { readonly ended: EndReason } | undefined;

/** Decides what to do about an error that the broker sent about a request or its session. */
export function reactToError(error: DusklineError, situation: RequestSituation): ErrorReaction {
  const { phase, isKnownToBroker } = situation;
  switch (phase) {
    case 'asking':
    case 'queued':
    case 'offered':
    case 'accepting':
      // In the other phases the error is about an earlier offer.
      if (error.code === 'NO_OFFER') return phase === 'accepting' ? 'queued' : undefined;
      // The request keeps its position or offer: the broker cannot look it up now, or the attempt that was made over a
      // lost connection still runs.
      return isKnownToBroker && isTemporaryFailure(error) ? 'retry' : 'reject';
    case 'held':
    case 'ending':
      return reactToSessionError(error, situation);
    case 'cancelling':
      return error.retryable ? 'retry' : 'over';
    case 'over':
      return undefined;
  }
}

function reactToSessionError(
  error: DusklineError,
  { phase, isRequeued, isAttached }: RequestSituation,
): ErrorReaction {
  const { code } = error;
  const isEnding = phase === 'ending';
  const ended = END_REASON_BY_ERROR.get(code);
  if (code === 'PEER_AWAY' || code === 'TOO_MANY_SIGNALS') return 'signalLost';
  if (!isEnding && error.requestId === undefined && ended === undefined) return 'signalLost';
  if (isEnding && (ended !== undefined || code === 'UNKNOWN_SESSION')) return { ended: 'client_left' };
  if (ended !== undefined) return { ended };
  if (isTemporaryFailure(error)) return 'retry';
  if (isRequeued && code !== 'NO_OFFER') return { ended: 'host_lost' };
  // The broker refuses the repeated `play`: it has no record of the session, so neither side can end it.
  if (isEnding && !isAttached) return { ended: 'client_left' };
  if (isEnding && code !== 'NO_OFFER') return 'held';
  // The broker has no record of the session, and gave no other. The host may still have it, so it has not ended.
  return undefined;
}

/** True for refusals that may succeed later. They are retried only if the application asks for it. */
export function isWorthRetrying(error: DusklineError): boolean {
  return error.retryable && (isNoCapacity(error) || error.code === 'UNAVAILABLE');
}

/** The broker could not answer. This says nothing about the request's position, offer or session. */
function isTemporaryFailure(error: DusklineError): boolean {
  return error.retryable && !isNoCapacity(error);
}

/** No slot is free, or the queue is full. */
function isNoCapacity({ code }: DusklineError): boolean {
  return code === 'NO_CAPACITY' || code === 'QUEUE_FULL';
}
