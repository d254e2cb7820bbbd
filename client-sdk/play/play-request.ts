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
import type { Clock } from '../runtime/clock.js';
import { brokerError, localError, type DusklineError } from '../errors.js';
import type { Logger } from '@duskline/sdk-runtime';
import {
  END_REASON_BY_ERROR,
  isWorthRetrying,
  isTemporaryFailure,
  isLostSignalError,
} from './play-errors.js';
import type { PlayOptions, QueueState } from './play-options.js';
import { PLAY_PHASES, isPending, isPhaseTransition, type PlayPhase } from './play-phase.js';
import { RetryTimer } from './retry-timer.js';
import { SessionMoveHandler } from '../session/session-move.js';
import { LiveSession, type Session } from '../session/session.js';
import { SignalOutbox } from '../session/signal-outbox.js';
import { TypedEvents } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';

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
  readonly #retryTimer: RetryTimer;
  readonly #signalOutbox: SignalOutbox;
  readonly #moveHandler: SessionMoveHandler;
  #phase: PlayPhase = 'asking';
  #session: LiveSession | undefined;
  #ending: Deferred<undefined> | undefined;
  /** Aborts when what the player was asked about is gone. */
  #pendingOffer: AbortController | undefined;
  /** A broker may have the request. */
  #wasSent = false;
  /** A connection was lost since: that broker's attempt may have succeeded, or may still run. */
  #wasInterrupted = false;
  /** The broker of this connection gave us the session, or gave it again. */
  #isAttached = false;
  /** The slot was lost before we were let in: the session waits for another. */
  #isRequeued = false;

  constructor(play: Play, wiring: PlayRequestWiring) {
    this.#play = play;
    this.#wiring = wiring;
    this.#startedAtMs = wiring.clock.nowMs();
    this.#retryTimer = new RetryTimer(wiring, () => this.#sendForPhase());
    this.#signalOutbox = new SignalOutbox((data) => this.#sendSignal(data));
    this.#moveHandler = new SessionMoveHandler({ ...wiring, sendStay: (epoch) => this.#sendStay(epoch) });
    this.#events = new TypedEvents((_, error) => wiring.logger.error({ error }, 'onQueued threw'));
    if (wiring.onQueued !== undefined) this.#events.on('queued', wiring.onQueued);
    this.answer = this.#answer.promise;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** A broker said `welcome`: says again what this request needs. One that waits for its time goes on waiting. */
  handleReady(): void {
    this.#isAttached = false;
    this.#wasInterrupted = this.#wasSent;
    if (this.#retryTimer.isSet) return;
    this.#sendForPhase();
    if (this.#phase === 'cancelling') this.#enterPhase('over');
  }

  handleQueued({ position, etaMs, region }: Queued): void {
    if (this.#requeueHeldSession() || this.#enterPhase('queued'))
      this.#events.emit('queued', { position, region, ...(etaMs && { etaMs }) });
  }

  handleOffer(offer: Offer): void {
    // The player has said yes: `accept` was lost with its socket, and this is the answer to the repeated `play`; or the
    // slot was lost that the player had.
    if (this.#phase === 'accepting' || this.#requeueHeldSession())
      this.#wiring.send({ type: 'accept', requestId: offer.requestId });
    else if (this.#enterPhase('offered')) void this.#askPlayer(offer);
    // Else the same offer was repeated while the player thinks about it, or nobody wants it any more.
  }

  handleMatched(match: Matched): void {
    this.#isRequeued = false;
    if (this.#session === undefined) {
      if (!this.#enterPhase('held')) return;
      this.#isAttached = true;
      const actions = { end: () => this.#requestEnd(), signal: (data: string) => this.#enqueueSignal(data) };
      this.#session = new LiveSession(match, actions, this.#wiring.logger);
      this.#answer.resolve(this.#session);
    } else if (this.#session.sessionId === match.sessionId) {
      this.#isAttached = true;
      // What was meant for a host that is gone would only confuse the next one.
      if (match.epoch > this.#session.epoch) this.#signalOutbox.clear();
      this.#signalOutbox.flush();
      this.#session.applyMatch(match, this.#moveHandler.completeMove(match.epoch));
      this.#moveHandler.repeatStay();
      if (this.#phase === 'ending') this.#sendForPhase();
    } else {
      // The broker forgot the session, and took the repeat for a new request. The host knows better whether
      // the session lives; the slot that nobody asked for goes back.
      this.#wiring.logger.warn({ sessionId: match.sessionId }, 'Gave back a second session of one request');
      this.#wiring.send({ type: 'end', sessionId: match.sessionId });
      if (this.#phase === 'ending') this.#finishSession('client_left');
    }
  }

  handleMoving(match: Moving): void {
    if (this.#phase === 'held' && match.epoch > (this.#session?.epoch ?? Infinity))
      this.#moveHandler.startMove(match);
  }

  handleSession({ epoch, state, reason }: SessionChanged): void {
    const session = this.#session;
    if (session === undefined || epoch < session.epoch) return;
    if (state === 'ended') {
      this.#finishSession(reason ?? 'error');
    } else if (epoch === session.epoch) {
      if (state !== 'moving') this.#moveHandler.cancelMove();
      session.applyState(state);
    } else {
      const move = this.#moveHandler.completeMove(epoch);
      if (move === undefined) {
        // It was placed again: the repeated match tells where.
        this.#sendForPhase();
        return;
      }
      this.#signalOutbox.clear();
      session.applyMatch(move.match, move);
      session.applyState(state);
    }
  }

  handleLimit({ kind, endsAtMs }: Limit): void {
    this.#session?.notifyLimit({ kind, endsAtMs });
  }

  handleSignal({ data }: Signal): void {
    this.#session?.notifySignal(data);
  }

  handleError(frame: ErrorMessage): void {
    const { code, requestId, sessionId } = frame;
    const isOwnSession = sessionId === undefined || sessionId === (this.#session?.sessionId ?? sessionId);
    if (!isOwnSession && code !== 'SESSION_EXISTS') return;
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
        if (
          isLostSignalError(error) ||
          (this.#phase === 'held' && requestId === undefined && !END_REASON_BY_ERROR.has(code))
        )
          this.#session?.notifySignalLost(error);
        else this.#handleSessionError(error);
        return;
      case 'cancelling':
        if (error.retryable) this.#sendAfterDelay(error);
        else this.#enterPhase('over');
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
    this.#enterPhase(this.#wasSent ? 'cancelling' : 'over');
    this.#sendForPhase();
  }

  /** The client closes. A request is taken back, so that no host waits for it; a session goes on, on its host. */
  abandon(error: DusklineError): void {
    this.cancel(error);
    this.#ending?.reject(error);
    this.#enterPhase('over');
  }

  /** Another request of this client got the session. */
  supersede(): void {
    this.#finishSession('superseded');
  }

  #requeueHeldSession(): boolean {
    return (this.#isRequeued ||= this.#phase === 'held') && this.#phase === 'held';
  }

  async #askPlayer({ requestId, region, acceptWithinMs }: Offer): Promise<void> {
    const { logger, onOffer, send } = this.#wiring;
    const pendingOffer = new AbortController();
    this.#pendingOffer = pendingOffer;
    try {
      const isAccepted =
        onOffer === undefined || (await onOffer({ region, acceptWithinMs, signal: pendingOffer.signal }));
      if (pendingOffer.signal.aborted) return;
      if (!isAccepted) this.cancel(localError('OFFER_DECLINED', { requestId }));
      else if (this.#enterPhase('accepting')) send({ type: 'accept', requestId });
    } catch (cause) {
      // Throwing because the question is gone is a way to answer it.
      if (pendingOffer.signal.aborted) return;
      logger.error({ error: cause }, 'onOffer threw');
      this.cancel(localError('OFFER_DECLINED', { requestId, cause }));
    }
  }

  #requestEnd(): Promise<void> {
    if (this.#session?.state === 'ended') return Promise.resolve();
    if (this.#phase === 'over') return this.#ending?.promise ?? Promise.reject(localError('CLIENT_CLOSED'));
    if (this.#ending === undefined) {
      this.#ending = new Deferred();
      this.#enterPhase('ending');
      this.#sendForPhase();
    }
    return this.#ending.promise;
  }

  #enqueueSignal(data: string): void {
    if (this.#phase === 'held') this.#signalOutbox.push(data);
  }

  #sendStay(epoch: number): void {
    if (this.#phase !== 'held' || this.#session === undefined || !this.#isAttached) return;
    this.#wiring.send({ type: 'stay', sessionId: this.#session.sessionId, epoch });
  }

  #sendSignal(data: string): boolean {
    if (this.#phase !== 'held' || this.#session === undefined || !this.#isAttached) return false;
    return this.#wiring.send({ type: 'signal', sessionId: this.#session.sessionId, data });
  }

  #handleRefusal(error: DusklineError): void {
    if (error.code === 'NO_OFFER') {
      // It still waits. Of an offer that came since, this says nothing.
      if (this.#phase === 'accepting') this.#enterPhase('queued');
    } else if (this.#isKnownToBroker() && isTemporaryFailure(error)) {
      // What it has is not lost: the broker cannot look at the moment, or the lost connection's attempt still runs.
      this.#sendAfterDelay(error);
    } else if (!this.#scheduleRetry(error)) {
      this.#answer.reject(error);
      this.#enterPhase('over');
    }
  }

  /** A broker has taken it, or may have. */
  #isKnownToBroker(): boolean {
    return this.#phase !== 'asking' || this.#wasInterrupted;
  }

  #handleSessionError(error: DusklineError): void {
    const reason = END_REASON_BY_ERROR.get(error.code);
    if (this.#phase === 'ending' && (reason !== undefined || error.code === 'UNKNOWN_SESSION')) {
      this.#finishSession('client_left');
    } else if (reason !== undefined) {
      this.#finishSession(reason);
    } else if (isTemporaryFailure(error)) {
      this.#sendAfterDelay(error);
    } else if (this.#isRequeued && error.code !== 'NO_OFFER') {
      this.#finishSession('host_lost');
    } else if (this.#phase === 'ending' && !this.#isAttached) {
      // It refuses the repeated `play`: it forgot the session, and can end it no more than we can.
      this.#finishSession('client_left');
    } else if (this.#phase === 'ending' && error.code !== 'NO_OFFER') {
      this.#enterPhase('held');
      this.#ending?.reject(error);
      this.#ending = undefined;
    }
    // Else the broker knows nothing of the session and has no other. That does not end it: its host may have it.
  }

  /** Whether the refusal is one to wait out, and there is time left for it. */
  #scheduleRetry(error: DusklineError): boolean {
    if (!isWorthRetrying(error)) return false;
    const waitedMs = this.#wiring.clock.nowMs() - this.#startedAtMs;
    const delayMs = this.#retryTimer.retryDelayMs(error);
    if (waitedMs + delayMs > this.#wiring.maxWaitMs) return false;
    this.#retryTimer.start(delayMs);
    return true;
  }

  #sendAfterDelay(error: DusklineError): void {
    this.#retryTimer.start(this.#retryTimer.retryDelayMs(error));
  }

  #sendForPhase(): void {
    const { send } = this.#wiring;
    const { sends } = PLAY_PHASES[this.#phase];
    const lookupPlay: Play = { ...this.#play, wait: false, onConflict: 'fail' };
    switch (sends) {
      case 'play':
        if (send(this.#play)) this.#wasSent = true;
        return;
      case 'return':
        send(lookupPlay);
        return;
      case 'end':
        if (this.#session === undefined || !this.#isAttached) send(lookupPlay);
        else send({ type: 'end', sessionId: this.#session.sessionId });
        return;
      case 'cancel':
        send({ type: 'cancel', requestId: this.#play.requestId });
        return;
      case 'nothing':
        return;
      default:
        return sends satisfies never;
    }
  }

  #finishSession(reason: EndReason): void {
    this.#enterPhase('over');
    this.#ending?.resolve(undefined);
    this.#session?.notifyEnded(reason);
  }

  /** Whether that is a way to go from here. Whatever was about the phase before is done with. */
  #enterPhase(phase: PlayPhase): boolean {
    if (!isPhaseTransition(this.#phase, phase)) return false;
    this.#phase = phase;
    this.#retryTimer.stop();
    this.#pendingOffer?.abort();
    if (phase !== 'over') return true;
    this.#moveHandler.stop();
    this.#wiring.onOver();
    return true;
  }
}
