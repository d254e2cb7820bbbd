import type { ClientToBroker, ErrorMessage, Matched, Play, SessionChanged } from '@duskline/protocol';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { Clock } from './clock.js';
import { brokerError, localError, type DusklineError } from './errors.js';
import type { Logger } from './logger.js';
import { LiveSession, type Session } from './session.js';
import { Deferred } from './waiting.js';

/**
 * A `play`, from the first time it is sent until its session is over. What is sent after each `welcome`
 * depends on nothing but the phase:
 *
 * - `asking`: `play`; the same frame with the same `requestId`, which makes repeating it safe.
 * - `held`: `play` again: the same session comes back, or the news that it ended meanwhile.
 * - `ending`: `play`, and `end` after its answer: a broker ends only what it gave to this very connection.
 * - `cancelling`: `cancel`, once more, in case the first was lost.
 * - `over`: nothing.
 */
type Phase = 'asking' | 'held' | 'ending' | 'cancelling' | 'over';

const PHASE_TRANSITIONS = {
  asking: ['held', 'cancelling', 'over'],
  held: ['ending', 'over'],
  ending: ['held', 'over'],
  cancelling: ['over'],
  over: [],
} as const satisfies Record<Phase, readonly Phase[]>;

/** Refusals that waiting may cure, when the caller is willing to wait. */
const WORTH_WAITING: readonly string[] = ['NO_CAPACITY', 'UNAVAILABLE'];

/** Answers about a session that lives, as far as we knew, and what they say about its end. */
const ENDED_BY: ReadonlyMap<string, EndReason> = new Map([
  ['SESSION_OVER', 'error'],
  ['CANCELLED', 'client_left'],
]);

/** When to ask again if the broker does not say, in milliseconds. */
const ASK_AGAIN_AFTER_MS = 1_000;

export interface PlayRequestWiring {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** How long to go on asking while there is no room, in milliseconds since the first time; 0 not at all. */
  readonly maxWaitMs: number;
  /** Whether it was handed to an open socket. */
  readonly send: (message: ClientToBroker) => boolean;
  /** The phase is `over`. */
  readonly onOver: () => void;
}

export class PlayRequest {
  /** The session, or why there is none. */
  readonly answer: Promise<Session>;

  readonly #play: Play;
  readonly #wiring: PlayRequestWiring;
  readonly #answer = new Deferred<Session>();
  readonly #startedAtMs: number;
  #phase: Phase = 'asking';
  #session: LiveSession | undefined;
  #ending: Deferred<undefined> | undefined;
  /** A broker may have the request. */
  #sent = false;
  /** The broker of this connection gave us the session, or gave it again. */
  #attached = false;
  #cancelTimer: (() => void) | undefined;

  constructor(play: Play, wiring: PlayRequestWiring) {
    this.#play = play;
    this.#wiring = wiring;
    this.#startedAtMs = wiring.clock.nowMs();
    this.answer = this.#answer.promise;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** A broker said `welcome`: says again what this request needs. One that waits for its time goes on waiting. */
  handleReady(): void {
    this.#attached = false;
    if (this.#cancelTimer !== undefined) return;
    this.#send();
    if (this.#phase === 'cancelling') this.#become('over');
  }

  handleMatched(match: Matched): void {
    if (this.#phase === 'asking') {
      this.#stopTimer();
      this.#attached = true;
      this.#session = new LiveSession(match, () => this.#end(), this.#wiring.logger);
      this.#become('held');
      this.#answer.resolve(this.#session);
    } else if (this.#session?.sessionId === match.sessionId) {
      this.#attached = true;
      this.#session.renew(match);
      if (this.#phase === 'ending') this.#send();
    } else if (this.#session !== undefined) {
      // The broker forgot the session, and took the repeat for a new request. The host knows better whether
      // the session lives; the slot that nobody asked for goes back.
      this.#wiring.logger.warn({ sessionId: match.sessionId }, 'Gave back a second session of one request');
      this.#wiring.send({ type: 'end', sessionId: match.sessionId });
      if (this.#phase === 'ending') this.#finish('client_left');
    }
  }

  handleSession(change: SessionChanged): void {
    if (this.#session === undefined || change.epoch < this.#session.epoch) return;
    if (change.state === 'ended') this.#finish(change.reason ?? 'error');
    // It has another host by now: the repeated match tells which.
    else if (change.epoch > this.#session.epoch) this.#send();
    else this.#session.follow(change.state);
  }

  handleError(frame: ErrorMessage): void {
    const about = frame.sessionId;
    if (about !== undefined && this.#session !== undefined && about !== this.#session.sessionId) return;
    const error = brokerError(frame);
    switch (this.#phase) {
      case 'asking':
        if (!this.#waitForRoom(error)) this.#refuse(error);
        return;
      case 'held':
      case 'ending':
        this.#handleSessionError(error);
        return;
      case 'cancelling':
        if (error.retryable) this.#sendLater(error);
        else this.#become('over');
        return;
      case 'over':
        return;
      default:
        return this.#phase satisfies never;
    }
  }

  /** The caller does not want it any more. Does nothing once it is matched: the session is theirs then. */
  cancel(error: DusklineError): void {
    if (this.#phase !== 'asking') return;
    this.#stopTimer();
    this.#answer.reject(error);
    this.#become(this.#sent ? 'cancelling' : 'over');
    this.#send();
  }

  /** The client closes. A request is taken back, so that no host waits for it; a session goes on, on its host. */
  abandon(error: DusklineError): void {
    this.cancel(error);
    this.#ending?.reject(error);
    this.#become('over');
  }

  #end(): Promise<void> {
    if (this.#session?.state === 'ended') return Promise.resolve();
    if (this.#phase === 'over') return this.#ending?.promise ?? Promise.reject(localError('CLIENT_CLOSED'));
    if (this.#ending === undefined) {
      this.#ending = new Deferred();
      this.#become('ending');
      this.#send();
    }
    return this.#ending.promise;
  }

  #handleSessionError(error: DusklineError): void {
    const reason = ENDED_BY.get(error.code);
    if (this.#phase === 'ending' && (reason !== undefined || error.code === 'UNKNOWN_SESSION')) {
      this.#finish('client_left');
    } else if (reason !== undefined) {
      this.#finish(reason);
    } else if (error.retryable && error.code !== 'NO_CAPACITY') {
      this.#sendLater(error);
    } else if (this.#phase === 'ending' && !this.#attached) {
      // It refuses the repeated `play`: it forgot the session, and can end it no more than we can.
      this.#finish('client_left');
    } else if (this.#phase === 'ending') {
      this.#become('held');
      this.#ending?.reject(error);
      this.#ending = undefined;
    }
    // Else the broker knows nothing of the session and has no other. That does not end it: its host may have it.
  }

  /** Whether the refusal is one to wait out, and there is time left for it. */
  #waitForRoom(error: DusklineError): boolean {
    if (!error.retryable || !WORTH_WAITING.includes(error.code)) return false;
    const waitedMs = this.#wiring.clock.nowMs() - this.#startedAtMs;
    const delayMs = this.#retryDelayMs(error);
    if (waitedMs + delayMs > this.#wiring.maxWaitMs) return false;
    this.#sendAfter(delayMs);
    return true;
  }

  #sendLater(error: DusklineError): void {
    this.#sendAfter(this.#retryDelayMs(error));
  }

  #sendAfter(delayMs: number): void {
    this.#stopTimer();
    this.#cancelTimer = this.#wiring.clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#send();
    }, delayMs);
  }

  /** Never before the broker wants it, and spread over half as long again: many players hear the same refusal. */
  #retryDelayMs(error: DusklineError): number {
    return Math.round((error.retryAfterMs ?? ASK_AGAIN_AFTER_MS) * (1 + this.#wiring.random() / 2));
  }

  #send(): void {
    const { send } = this.#wiring;
    switch (this.#phase) {
      case 'asking':
      case 'held':
        if (send(this.#play)) this.#sent = true;
        return;
      case 'ending':
        if (this.#session === undefined || !this.#attached) send(this.#play);
        else send({ type: 'end', sessionId: this.#session.sessionId });
        return;
      case 'cancelling':
        send({ type: 'cancel', requestId: this.#play.requestId });
        return;
      case 'over':
        return;
      default:
        return this.#phase satisfies never;
    }
  }

  #refuse(error: DusklineError): void {
    this.#answer.reject(error);
    this.#become('over');
  }

  #finish(reason: EndReason): void {
    this.#become('over');
    this.#ending?.resolve(undefined);
    this.#session?.finish(reason);
  }

  #become(phase: Phase): void {
    if (!(PHASE_TRANSITIONS[this.#phase] as readonly Phase[]).includes(phase)) return;
    this.#phase = phase;
    if (phase !== 'over') return;
    this.#stopTimer();
    this.#wiring.onOver();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
