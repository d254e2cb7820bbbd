import type {
  ClientToBroker,
  ErrorMessage,
  Limit,
  Matched,
  Moving,
  Offer,
  Play,
  Queued,
  SessionChanged,
  Signal,
} from '@duskline/protocol';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { Clock } from './clock.js';
import { brokerError, localError, type DusklineError } from './errors.js';
import type { Logger } from './logger.js';
import { ENDED_BY, isWorthAskingAgain, isFailure, losesSignal } from './play-errors.js';
import type { PlayOptions, QueueState } from './play-options.js';
import { PHASES, isPending, mayFollow, type PlayPhase } from './play-phase.js';
import { RetryTimer } from './retry-timer.js';
import { MoveFollower } from './session-move.js';
import { LiveSession, type Session } from './session.js';
import { SignalOutbox } from './signal-outbox.js';
import { TypedEvents } from './typed-events.js';
import { Deferred } from './waiting.js';

export interface PlayRequestWiring extends Pick<PlayOptions, 'onQueued' | 'onOffer' | 'onMove'> {
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

/** A `play`, from the first time it is sent until its session is over. */
export class PlayRequest {
  /** The session, or why there is none. */
  readonly answer: Promise<Session>;

  readonly #play: Play;
  readonly #wiring: PlayRequestWiring;
  readonly #answer = new Deferred<Session>();
  readonly #startedAtMs: number;
  readonly #events: TypedEvents<{ queued: QueueState }>;
  readonly #timer: RetryTimer;
  readonly #outbox: SignalOutbox;
  readonly #moves: MoveFollower;
  #phase: PlayPhase = 'asking';
  #session: LiveSession | undefined;
  #ending: Deferred<undefined> | undefined;
  /** Aborts when what the player was asked about is gone. */
  #question: AbortController | undefined;
  /** A broker may have the request. */
  #sent = false;
  /** A connection was lost since: that broker's attempt may have succeeded, or may still run. */
  #interrupted = false;
  /** The broker of this connection gave us the session, or gave it again. */
  #attached = false;
  /** The slot was lost before we were let in: the session waits for another. */
  #waitsAgain = false;

  constructor(play: Play, wiring: PlayRequestWiring) {
    this.#play = play;
    this.#wiring = wiring;
    this.#startedAtMs = wiring.clock.nowMs();
    this.#timer = new RetryTimer(wiring, () => this.#send());
    this.#outbox = new SignalOutbox((data) => this.#sendSignal(data));
    this.#moves = new MoveFollower({ ...wiring, stay: (epoch) => this.#stay(epoch) });
    this.#events = new TypedEvents((_, error) => wiring.logger.error({ error }, 'onQueued threw'));
    if (wiring.onQueued !== undefined) this.#events.on('queued', wiring.onQueued);
    this.answer = this.#answer.promise;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** A broker said `welcome`: says again what this request needs. One that waits for its time goes on waiting. */
  handleReady(): void {
    this.#attached = false;
    this.#interrupted = this.#sent;
    if (this.#timer.isSet) return;
    this.#send();
    if (this.#phase === 'cancelling') this.#become('over');
  }

  handleQueued({ position, etaMs, region }: Queued): void {
    if (this.#waitAgain() || this.#become('queued'))
      this.#events.emit('queued', { position, region, ...(etaMs && { etaMs }) });
  }

  handleOffer(offer: Offer): void {
    // The player has said yes: `accept` was lost with its socket, and this is the answer to the repeated `play`; or the
    // slot was lost that the player had.
    if (this.#phase === 'accepting' || this.#waitAgain())
      this.#wiring.send({ type: 'accept', requestId: offer.requestId });
    else if (this.#become('offered')) void this.#ask(offer);
    // Else the same offer was repeated while the player thinks about it, or nobody wants it any more.
  }

  handleMatched(match: Matched): void {
    this.#waitsAgain = false;
    if (this.#session === undefined) {
      if (!this.#become('held')) return;
      this.#attached = true;
      const actions = { end: () => this.#end(), signal: (data: string) => this.#signal(data) };
      this.#session = new LiveSession(match, actions, this.#wiring.logger);
      this.#answer.resolve(this.#session);
    } else if (this.#session.sessionId === match.sessionId) {
      this.#attached = true;
      // What was meant for a host that is gone would only confuse the next one.
      if (match.epoch > this.#session.epoch) this.#outbox.clear();
      this.#outbox.flush();
      this.#session.renew(match, this.#moves.settle(match.epoch));
      this.#moves.remind();
      if (this.#phase === 'ending') this.#send();
    } else {
      // The broker forgot the session, and took the repeat for a new request. The host knows better whether
      // the session lives; the slot that nobody asked for goes back.
      this.#wiring.logger.warn({ sessionId: match.sessionId }, 'Gave back a second session of one request');
      this.#wiring.send({ type: 'end', sessionId: match.sessionId });
      if (this.#phase === 'ending') this.#finish('client_left');
    }
  }

  handleMoving(match: Moving): void {
    if (this.#phase === 'held' && match.epoch > (this.#session?.epoch ?? Infinity)) this.#moves.begin(match);
  }

  handleSession({ epoch, state, reason }: SessionChanged): void {
    const session = this.#session;
    if (session === undefined || epoch < session.epoch) return;
    if (state === 'ended') {
      this.#finish(reason ?? 'error');
    } else if (epoch === session.epoch) {
      if (state !== 'moving') this.#moves.callOff();
      session.follow(state);
    } else {
      const move = this.#moves.settle(epoch);
      if (move === undefined) {
        // It was placed again: the repeated match tells where.
        this.#send();
        return;
      }
      this.#outbox.clear();
      session.renew(move.match, move);
      session.follow(state);
    }
  }

  handleLimit({ kind, endsAtMs }: Limit): void {
    this.#session?.warn({ kind, endsAtMs });
  }

  handleSignal({ data }: Signal): void {
    this.#session?.hear(data);
  }

  handleError(frame: ErrorMessage): void {
    const { code, requestId, sessionId } = frame;
    const isOurs = sessionId === undefined || sessionId === (this.#session?.sessionId ?? sessionId);
    if (!isOurs && code !== 'SESSION_EXISTS') return;
    // The answer to `stay`: it has moved already, and a frame that says so is here or on its way.
    if (code === 'NO_MOVE') return;
    const error = brokerError(frame);
    switch (this.#phase) {
      case 'asking':
      case 'queued':
      case 'offered':
      case 'accepting':
        this.#handleRefusal(error);
        return;
      case 'held':
      case 'ending':
        if (losesSignal(error) || (this.#phase === 'held' && requestId === undefined && !ENDED_BY.has(code)))
          this.#session?.loseSignal(error);
        else this.#handleSessionError(error);
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
    if (!isPending(this.#phase)) return;
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

  /** Another request of this client got the session. */
  supersede(): void {
    this.#finish('superseded');
  }

  #waitAgain(): boolean {
    return (this.#waitsAgain ||= this.#phase === 'held') && this.#phase === 'held';
  }

  async #ask({ requestId, region, acceptWithinMs }: Offer): Promise<void> {
    const { logger, onOffer, send } = this.#wiring;
    const question = new AbortController();
    this.#question = question;
    try {
      const wanted =
        onOffer === undefined || (await onOffer({ region, acceptWithinMs, signal: question.signal }));
      if (question.signal.aborted) return;
      if (!wanted) this.cancel(localError('OFFER_DECLINED', { requestId }));
      else if (this.#become('accepting')) send({ type: 'accept', requestId });
    } catch (cause) {
      // Throwing because the question is gone is a way to answer it.
      if (question.signal.aborted) return;
      logger.error({ error: cause }, 'onOffer threw');
      this.cancel(localError('OFFER_DECLINED', { requestId, cause }));
    }
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

  #signal(data: string): void {
    if (this.#phase === 'held') this.#outbox.push(data);
  }

  #stay(epoch: number): void {
    if (this.#phase !== 'held' || this.#session === undefined || !this.#attached) return;
    this.#wiring.send({ type: 'stay', sessionId: this.#session.sessionId, epoch });
  }

  #sendSignal(data: string): boolean {
    if (this.#phase !== 'held' || this.#session === undefined || !this.#attached) return false;
    return this.#wiring.send({ type: 'signal', sessionId: this.#session.sessionId, data });
  }

  #handleRefusal(error: DusklineError): void {
    if (error.code === 'NO_OFFER') {
      // It still waits. Of an offer that came since, this says nothing.
      if (this.#phase === 'accepting') this.#become('queued');
    } else if (this.#isKnown() && isFailure(error)) {
      // What it has is not lost: the broker cannot look at the moment, or the lost connection's attempt still runs.
      this.#sendLater(error);
    } else if (!this.#askAgain(error)) {
      this.#answer.reject(error);
      this.#become('over');
    }
  }

  /** A broker has taken it, or may have. */
  #isKnown(): boolean {
    return this.#phase !== 'asking' || this.#interrupted;
  }

  #handleSessionError(error: DusklineError): void {
    const reason = ENDED_BY.get(error.code);
    if (this.#phase === 'ending' && (reason !== undefined || error.code === 'UNKNOWN_SESSION')) {
      this.#finish('client_left');
    } else if (reason !== undefined) {
      this.#finish(reason);
    } else if (isFailure(error)) {
      this.#sendLater(error);
    } else if (this.#waitsAgain && error.code !== 'NO_OFFER') {
      this.#finish('host_lost');
    } else if (this.#phase === 'ending' && !this.#attached) {
      // It refuses the repeated `play`: it forgot the session, and can end it no more than we can.
      this.#finish('client_left');
    } else if (this.#phase === 'ending' && error.code !== 'NO_OFFER') {
      this.#become('held');
      this.#ending?.reject(error);
      this.#ending = undefined;
    }
    // Else the broker knows nothing of the session and has no other. That does not end it: its host may have it.
  }

  /** Whether the refusal is one to wait out, and there is time left for it. */
  #askAgain(error: DusklineError): boolean {
    if (!isWorthAskingAgain(error)) return false;
    const waitedMs = this.#wiring.clock.nowMs() - this.#startedAtMs;
    const delayMs = this.#timer.delayAfterMs(error);
    if (waitedMs + delayMs > this.#wiring.maxWaitMs) return false;
    this.#timer.start(delayMs);
    return true;
  }

  #sendLater(error: DusklineError): void {
    this.#timer.start(this.#timer.delayAfterMs(error));
  }

  #send(): void {
    const { send } = this.#wiring;
    const { says } = PHASES[this.#phase];
    const toReturn: Play = { ...this.#play, wait: false, onConflict: 'fail' };
    switch (says) {
      case 'play':
        if (send(this.#play)) this.#sent = true;
        return;
      case 'return':
        send(toReturn);
        return;
      case 'end':
        if (this.#session === undefined || !this.#attached) send(toReturn);
        else send({ type: 'end', sessionId: this.#session.sessionId });
        return;
      case 'cancel':
        send({ type: 'cancel', requestId: this.#play.requestId });
        return;
      case 'nothing':
        return;
      default:
        return says satisfies never;
    }
  }

  #finish(reason: EndReason): void {
    this.#become('over');
    this.#ending?.resolve(undefined);
    this.#session?.finish(reason);
  }

  /** Whether that is a way to go from here. Whatever was about the phase before is done with. */
  #become(phase: PlayPhase): boolean {
    if (!mayFollow(this.#phase, phase)) return false;
    this.#phase = phase;
    this.#timer.stop();
    this.#question?.abort();
    if (phase !== 'over') return true;
    this.#moves.end();
    this.#wiring.onOver();
    return true;
  }
}
