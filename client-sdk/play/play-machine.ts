import type { Matched, Offer, Queued, Replaced } from '@duskline/protocol';
import { localError, type DusklineError } from '../errors.js';
import type { SessionEnd } from '../session/session.js';
import { reactToError } from './play-errors.js';
import {
  hasSession,
  isLeaving,
  isPending,
  isUnsent,
  MESSAGE_BY_PHASE,
  type Contact,
  type PlayPhase,
  type PlayState,
} from './play-state.js';

/** How long a broker may take to answer `end` or `cancel`, in milliseconds. Then the SDK sends it again. */
const ANSWER_TIMEOUT_MS = 2_000;

/** An error that a broker sent about the request or its session. */
export interface RequestError {
  readonly type: 'error';
  readonly error: DusklineError;
  /** When to send the message of the phase again, if the error is not final, in milliseconds. */
  readonly retryInMs: number;
  /** Whether the application waits that long for a slot, if no broker has accepted the request. */
  readonly isInTime: boolean;
}

/** What can happen to a request. Messages of the broker are events as they are, except errors. */
export type PlayEvent =
  | Queued
  | Offer
  | Matched
  | Replaced
  | RequestError
  /** A connection is open, and the message of the phase may be sent. */
  | { readonly type: 'ready' }
  | { readonly type: 'disconnected' }
  /** The time of the last `wait` is over. */
  | { readonly type: 'timeout' }
  /** The application takes the offered slot. */
  | { readonly type: 'accept' }
  /** The caller gives up, or declines the offered slot. */
  | { readonly type: 'cancel'; readonly error: DusklineError }
  /** The application calls `Session.end`. */
  | { readonly type: 'end' }
  /** The session has ended: a broker said so, or another request of this client resumed it. */
  | { readonly type: 'ended'; readonly reason: SessionEnd }
  /** The session has a host for which this client has no match. */
  | { readonly type: 'find' }
  /** The client closes. */
  | { readonly type: 'close'; readonly error: DusklineError };

/** What the client has to do. */
export type PlayEffect =
  | { readonly type: 'send'; readonly what: 'play' | 'lookup' | 'accept' | 'cancel' }
  | { readonly type: 'end'; readonly sessionId: string }
  /** `timeout` follows after this time, unless the state changes before. */
  | { readonly type: 'wait'; readonly delayMs: number }
  | { readonly type: 'resolve'; readonly match: Matched }
  | { readonly type: 'reject'; readonly error: DusklineError }
  | { readonly type: 'showPosition'; readonly queued: Queued }
  | { readonly type: 'ask'; readonly offer: Offer }
  /** The broker repeated the match of the session, or gave it another host. */
  | { readonly type: 'rematch'; readonly match: Matched }
  | { readonly type: 'signalLost'; readonly error: DusklineError }
  /** `Session.end` fails. */
  | { readonly type: 'refuseEnd'; readonly error: DusklineError }
  | { readonly type: 'finish'; readonly reason: SessionEnd };

/** The state after an event, and the effects in their order. */
export interface PlayStep {
  readonly state: PlayState;
  readonly effects: readonly PlayEffect[];
}

/**
 * The machine of a play request. An event that a phase does not handle is late, repeated or has crossed another message, and changes
 * nothing.
 */
export function step(state: PlayState, event: PlayEvent): PlayStep {
  const { phase, contact, sessionId } = state;
  if (phase === 'over') return enter(state);
  switch (event.type) {
    case 'ready':
      return isUnsent(state) ? enter(state, phase, 'sent', send(MESSAGE_BY_PHASE[phase])) : enter(state);
    case 'disconnected':
      return enter(state, phase, contact === 'sent' || contact === 'answered' ? 'lost' : contact);
    case 'timeout':
    case 'find':
      return enter(state, phase, 'lost');
    case 'queued':
      if (isLeaving(state)) return endAttached(state);
      return enter(state, hasSession(state) ? 'requeued' : 'queued', 'answered', {
        type: 'showPosition',
        queued: event,
      });
    case 'offer':
      return handleOffer(state, event);
    case 'matched':
      return handleMatch(state, event);
    case 'accept':
      if (phase !== 'offered') return enter(state);
      if (contact === 'answered') return enter(state, 'accepting', contact, send('accept'));
      // The broker of this connection repeats the offer first.
      return enter(state, 'accepting', contact === 'paused' ? 'lost' : contact);
    case 'cancel':
      if (!isPending(state)) return enter(state);
      return enter(state, contact === 'unsent' ? 'over' : 'cancelling', 'lost', {
        type: 'reject',
        error: event.error,
      });
    case 'end':
      if (!hasSession(state)) return enter(state);
      return contact === 'answered'
        ? enter(state, 'ending', contact, end(sessionId))
        : enter(state, 'ending', 'lost');
    case 'ended':
      return sessionId === undefined ? enter(state) : finish(state, event.reason);
    case 'replaced':
      return handleReplaced(state, event);
    case 'error':
      return handleError(state, event);
    case 'close':
      return enter(
        state,
        'over',
        contact,
        { type: isPending(state) ? 'reject' : 'refuseEnd', error: event.error },
        // So that no slot stays reserved for the player.
        ...(isPending(state) && contact !== 'unsent' ? [send('cancel')] : []),
      );
  }
}

function handleOffer(state: PlayState, offer: Offer): PlayStep {
  switch (state.phase) {
    case 'asking':
    case 'queued':
      return enter(state, 'offered', 'answered', { type: 'ask', offer });
    case 'offered':
      // The broker repeats the offer after a reconnect.
      return enter(state, 'offered', 'answered');
    case 'accepting':
      // The first `accept` was lost with its connection.
      return enter(state, 'accepting', 'answered', send('accept'));
    case 'matched':
    case 'requeued':
      // The player had accepted a slot that was lost since.
      return enter(state, 'requeued', 'answered', send('accept'));
    case 'ending':
    case 'cancelling':
    case 'over':
      return endAttached(state);
  }
}

function handleMatch(state: PlayState, match: Matched): PlayStep {
  const { phase, sessionId } = state;
  if (isPending(state))
    return enter({ ...state, sessionId: match.sessionId }, 'matched', 'answered', { type: 'resolve', match });
  if (sessionId === undefined) return enter(state);
  if (sessionId === match.sessionId) {
    const { state: next, effects } =
      phase === 'ending' ? endAttached(state) : enter(state, 'matched', 'answered');
    return { state: next, effects: [{ type: 'rematch', match }, ...effects] };
  }
  // The broker lost its record of the session and treated the repeated `play` as a new request. The session may still run on its
  // host, so the second one is ended.
  const endSecond = end(match.sessionId);
  return phase === 'ending'
    ? finish(state, 'client_left', endSecond)
    : enter(state, phase, state.contact, endSecond);
}

/** Another connection or request of the player has the request from now on. */
function handleReplaced(state: PlayState, { requestId }: Replaced): PlayStep {
  if (isPending(state))
    return enter(state, 'over', state.contact, {
      type: 'reject',
      error: localError('REPLACED', { requestId }),
    });
  // A `cancel` has an answer of its own.
  return state.phase === 'cancelling' ? enter(state) : finish(state, 'replaced');
}

function handleError(state: PlayState, { error, retryInMs, isInTime }: RequestError): PlayStep {
  const { phase, contact } = state;
  const reaction = reactToError(state, error, isInTime);
  switch (reaction) {
    case undefined:
      return enter(state);
    case 'pause':
      return enter(state, phase, 'paused', { type: 'wait', delayMs: retryInMs });
    case 'queued':
      return enter(state, 'queued', 'answered');
    case 'refuse':
      return enter(state, 'over', contact, { type: 'reject', error });
    case 'cancel':
      return enter(state, 'cancelling', 'lost', { type: 'reject', error });
    case 'over':
      return enter(state, 'over');
    case 'signalLost':
      return enter(state, phase, contact, { type: 'signalLost', error });
    case 'refuseEnd':
      return enter(state, 'matched', contact, { type: 'refuseEnd', error });
    default:
      return finish(state, reaction.ended);
  }
}

/** The broker of this connection knows the session, so that it accepts `end` now. */
function endAttached(state: PlayState): PlayStep {
  return state.phase === 'ending' && state.contact !== 'answered'
    ? enter(state, 'ending', 'answered', end(state.sessionId))
    : enter(state);
}

function finish(state: PlayState, reason: SessionEnd, ...effects: PlayEffect[]): PlayStep {
  return enter(state, 'over', state.contact, ...effects, { type: 'finish', reason });
}

function send(what: 'play' | 'lookup' | 'accept' | 'cancel'): PlayEffect {
  return { type: 'send', what };
}

function end(sessionId = ''): PlayEffect {
  return { type: 'end', sessionId };
}

function enter(
  state: PlayState,
  phase: PlayPhase = state.phase,
  contact: Contact = state.contact,
  ...effects: PlayEffect[]
): PlayStep {
  if (phase === state.phase && contact === state.contact) return { state, effects };
  const next = { ...state, phase, contact };
  const isAnswerDue = isLeaving(next) && (contact === 'sent' || contact === 'answered');
  return {
    state: next,
    effects: isAnswerDue ? [...effects, { type: 'wait', delayMs: ANSWER_TIMEOUT_MS }] : effects,
  };
}
