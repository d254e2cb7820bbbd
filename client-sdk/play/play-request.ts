import type { ClientToBroker, ErrorMessage, Matched, Offer, Play } from '@duskline/protocol';
import { callListener, type Clock, type Logger, type Random } from '@duskline/sdk-runtime';
import type { RequestMessage } from '../connection/broker-socket.js';
import { brokerError, localError } from '../errors.js';
import { Deferred } from '../runtime/promises.js';
import { LiveSession } from '../session/live-session.js';
import type { Session } from '../session/session.js';
import { askAboutOffer } from './ask-about-offer.js';
import { step, type PlayEffect, type PlayEvent } from './play-machine.js';
import { isRegional } from './other-regions.js';
import type { PlayOptions } from './play-options.js';
import { INITIAL_STATE, hasSession, type PlayState } from './play-state.js';

/** Delay of a retry for which the broker names none (`retryAfterMs`), in milliseconds. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** What a request needs from its client. */
export interface PlayRequestDependencies extends Pick<
  PlayOptions,
  'onQueued' | 'onOffer' | 'onMove' | 'retry'
> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** Returns whether the message was handed to an open socket. */
  readonly send: (message: ClientToBroker) => boolean;
  readonly onChange: () => void;
  /** The request waits, or is refused for now: other regions might serve it. */
  readonly onShortage: () => void;
}

/** One call of `play`, from its first message until its session has ended: carries out what its machine decides. */
export class PlayRequest {
  #play: Play;
  readonly #dependencies: PlayRequestDependencies;
  readonly #startedAtMs: number;
  readonly #answer = new Deferred<Session>();
  /** The session, or why there is none. */
  readonly answer = this.#answer.promise;
  /** Events to handle, one after the other: the application may cause events from its callbacks. */
  readonly #events: PlayEvent[] = [];
  #state = INITIAL_STATE;
  #session: LiveSession | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Aborts when the offer that the application was asked about is answered or gone. */
  #offer: AbortController | undefined;
  /** The result of `Session.end`, once it was called. */
  #ending: Deferred<void> | undefined;

  constructor(play: Play, dependencies: PlayRequestDependencies) {
    this.#play = play;
    this.#dependencies = dependencies;
    this.#startedAtMs = dependencies.clock.monotonicMs();
  }

  get requestId(): string {
    return this.#play.requestId;
  }

  get state(): PlayState {
    return this.#state;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Replaces the round-trip times in the next `play`. */
  replaceRtt(rtt: Play['rtt']): void {
    this.#play = { ...this.#play, rtt };
  }

  /** A broker sent a message about this request or its session. */
  handleMessage(message: RequestMessage): void {
    switch (message.type) {
      case 'queued':
      case 'offer':
      case 'matched':
      case 'replaced':
        this.dispatch(message);
        return;
      case 'moving':
      case 'session':
        this.#session?.dispatch(message);
        return;
      case 'limit':
        this.#session?.notifyLimit({ kind: message.kind, endsAtMs: message.endsAtMs });
        return;
      case 'signal':
        this.#session?.notifySignal(message.data);
        return;
      case 'error':
        this.#handleError(message);
        return;
    }
  }

  dispatch(event: PlayEvent): void {
    if (this.#events.push(event) > 1) return;
    for (let next: PlayEvent | undefined = event; next !== undefined; next = this.#events[0]) {
      this.#handle(next);
      this.#events.shift();
    }
    this.#dependencies.onChange();
  }

  #handle(event: PlayEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event);
    this.#state = state;
    if (state !== before) this.#cancelTimer?.();
    if (state.phase !== before.phase) this.#offer?.abort();
    if (state.phase === 'over') this.#dependencies.onChange();
    for (const effect of effects) this.#run(effect);
    if (state.phase === 'over') this.#session?.dispatch({ type: 'closed' });
  }

  #run(effect: PlayEffect): void {
    const { clock, logger, onQueued } = this.#dependencies;
    switch (effect.type) {
      case 'send':
        this.#send(effect.what);
        return;
      case 'end':
        if (effect.sessionId !== this.#session?.sessionId)
          logger.warn({ sessionId: effect.sessionId }, 'Gave back a second session of one request');
        this.#dependencies.send(effect);
        return;
      case 'wait':
        this.#cancelTimer?.();
        this.#cancelTimer = clock.setTimer(() => this.dispatch({ type: 'timeout' }), effect.delayMs);
        return;
      case 'resolve':
        this.#session = this.#createSession(effect.match);
        this.#answer.resolve(this.#session);
        return;
      case 'reject':
        this.#answer.reject(effect.error);
        return;
      case 'showPosition': {
        this.#dependencies.onShortage();
        const { position, etaMs, region } = effect.queued;
        callListener(onQueued, { position, region, ...(etaMs && { etaMs }) }, (error) =>
          logger.error({ error }, 'onQueued threw'),
        );
        return;
      }
      case 'ask':
        this.#ask(effect.offer);
        return;
      case 'rematch':
        this.#session?.dispatch(effect.match);
        return;
      case 'signalLost':
        this.#session?.notifySignalLost(effect.error);
        return;
      case 'refuseEnd':
        this.#ending?.reject(effect.error);
        this.#ending = undefined;
        return;
      case 'finish':
        this.#ending?.resolve();
        this.#session?.dispatch({ type: 'ended', reason: effect.reason });
        return;
    }
  }

  #send(what: 'play' | 'lookup' | 'accept' | 'cancel'): void {
    const { requestId } = this.#play;
    const { send } = this.#dependencies;
    if (what === 'play') send(this.#play);
    else if (what === 'lookup') send({ ...this.#play, wait: false, onConflict: 'fail' });
    else send({ type: what, requestId });
  }

  #createSession(match: Matched): LiveSession {
    return new LiveSession(match, {
      ...this.#dependencies,
      send: (message) =>
        hasSession(this.#state) && this.#state.contact === 'answered' && this.#dependencies.send(message),
      hasSession: () => hasSession(this.#state),
      end: () => this.#end(),
      onFind: () => this.dispatch({ type: 'find' }),
      onEnded: (reason) => this.dispatch({ type: 'ended', reason }),
    });
  }

  #end(): Promise<void> {
    if (this.#session?.state === 'ended') return Promise.resolve();
    if (this.#state.phase === 'over')
      return this.#ending?.promise ?? Promise.reject(localError('CLIENT_CLOSED'));
    this.#ending ??= new Deferred();
    const { promise } = this.#ending;
    this.dispatch({ type: 'end' });
    return promise;
  }

  #ask({ requestId, region, acceptWithinMs }: Offer): void {
    const { signal } = (this.#offer = new AbortController());
    void askAboutOffer(
      this.#dependencies,
      { region, acceptWithinMs, signal },
      {
        accept: () => this.dispatch({ type: 'accept' }),
        decline: (cause) => {
          const details = { requestId, ...(cause !== undefined && { cause }) };
          this.dispatch({ type: 'cancel', error: localError('OFFER_DECLINED', details) });
        },
      },
    );
  }

  #handleError(frame: ErrorMessage): void {
    const { clock, logger, random, retry } = this.#dependencies;
    const error = brokerError(frame);
    const { retryAfterMs = DEFAULT_RETRY_AFTER_MS } = error;
    // Many players receive the same refusal at once.
    const retryInMs = Math.round(retryAfterMs * (1 + random() / 2));
    // `UNAVAILABLE` is no answer. Unless the application set a limit, the SDK repeats the request until a broker answers it.
    const maxWaitMs = retry?.maxWaitMs ?? (error.code === 'UNAVAILABLE' ? Infinity : 0);
    const isInTime = clock.monotonicMs() - this.#startedAtMs + retryInMs <= maxWaitMs;
    logger.warn({ code: error.code }, 'The broker refused a message about a request');
    if (isInTime && isRegional(error)) this.#dependencies.onShortage();
    this.dispatch({ type: 'error', error, retryInMs, isInTime });
  }
}
