import type {
  ClientToBroker,
  ErrorMessage,
  Matched,
  Offer,
  Play,
  Queued,
  SessionChanged,
} from '@duskline/protocol';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { callListener, type Clock, type Logger, type Random } from '@duskline/sdk-runtime';
import type { RequestMessage } from '../connection/broker-socket.js';
import { brokerError, localError, type DusklineError } from '../errors.js';
import { Deferred } from '../runtime/promises.js';
import type { Session } from '../session/session.js';
import { MatchedSession } from './matched-session.js';
import { askAboutOffer } from './ask-about-offer.js';
import { isWorthRetrying, reactToError } from './play-errors.js';
import { messageForPhase } from './play-messages.js';
import type { PlayOptions } from './play-options.js';
import { isPending, isPhaseTransition, type PlayPhase } from './play-phase.js';
import { RetryTimer } from './retry-timer.js';

export interface PlayRequestDependencies extends Pick<PlayOptions, 'onQueued' | 'onOffer' | 'onMove'> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** How long refusals for lack of capacity are retried, in milliseconds since the request began. 0: not at all. */
  readonly maxWaitMs: number;
  /** Returns whether the message was handed to an open socket. */
  readonly send: (message: ClientToBroker) => boolean;
  /** The request is over: no more messages about it are expected. */
  readonly onOver: () => void;
}

/** One call of `play`, from its first message until its session has ended. */
export class PlayRequest {
  readonly #play: Play;
  readonly #dependencies: PlayRequestDependencies;
  readonly #answer = new Deferred<Session>();
  /** The session, or why there is none. */
  readonly answer = this.#answer.promise;
  readonly #retryTimer: RetryTimer;
  #phase: PlayPhase = 'asking';
  #session: MatchedSession | undefined;
  /** Aborts when the offer that the application was asked about is answered or gone. */
  #offer: AbortController | undefined;
  /** The result of `Session.end`, once it was called. */
  #ending: Deferred<void> | undefined;
  /** `play` was sent, so a broker may know the request. */
  #wasSent = false;
  /** A connection was lost since then. The attempt of its broker may have succeeded, or may still run. */
  #wasInterrupted = false;
  /** The slot was lost after the match, and the broker queued the request again. */
  #isRequeued = false;

  constructor(play: Play, dependencies: PlayRequestDependencies) {
    this.#play = play;
    this.#dependencies = dependencies;
    this.#retryTimer = new RetryTimer(dependencies, () => this.#sendForPhase());
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** A broker sent `welcome`: repeats the message of the current phase, unless a retry is scheduled. */
  handleReady(): void {
    if (this.#session !== undefined) this.#session.isAttached = false;
    this.#wasInterrupted = this.#wasSent;
    if (this.#retryTimer.isSet) return;
    this.#sendForPhase();
    if (this.#phase === 'cancelling') this.#enterPhase('over');
  }

  /** A broker sent a message about this request or its session. */
  handleMessage(message: RequestMessage): void {
    switch (message.type) {
      case 'queued':
        this.#handleQueued(message);
        return;
      case 'offer':
        this.#handleOffer(message);
        return;
      case 'matched':
        this.#handleMatched(message);
        return;
      case 'moving':
        this.#session?.startMove(message);
        return;
      case 'session':
        this.#handleSession(message);
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

  /** The caller gives up. Does nothing once there is a session. */
  cancel(error: DusklineError): void {
    if (!isPending(this.#phase)) return;
    this.#answer.reject(error);
    this.#enterPhase(this.#wasSent ? 'cancelling' : 'over');
    this.#sendForPhase();
  }

  /** The client closes. A pending request is cancelled, so that no host waits for it. A session continues on its host. */
  abandon(error: DusklineError): void {
    this.cancel(error);
    this.#ending?.reject(error);
    this.#enterPhase('over');
  }

  /** Another request of this client resumed the session. */
  supersede(): void {
    this.#finishSession('superseded');
  }

  #handleQueued({ position, etaMs, region }: Queued): void {
    if (!this.#requeueIfHeld() && !this.#enterPhase('queued')) return;
    const { onQueued, logger } = this.#dependencies;
    callListener(onQueued, { position, region, ...(etaMs && { etaMs }) }, (error) =>
      logger.error({ error }, 'onQueued threw'),
    );
  }

  #handleOffer(offer: Offer): void {
    // In `accepting` the first `accept` was lost with its connection, and the broker answers the repeated `play`. In `held`
    // the player had accepted a slot that was lost since. Both need no new question.
    if (this.#phase === 'accepting' || this.#requeueIfHeld()) this.#sendAccept();
    else if (this.#enterPhase('offered')) this.#askAboutOffer(offer);
  }

  #askAboutOffer({ requestId, region, acceptWithinMs }: Offer): void {
    const { signal } = (this.#offer = new AbortController());
    void askAboutOffer(
      this.#dependencies,
      { region, acceptWithinMs, signal },
      {
        accept: () => {
          if (this.#enterPhase('accepting')) this.#sendAccept();
        },
        decline: (cause) =>
          this.cancel(localError('OFFER_DECLINED', { requestId, ...(cause !== undefined && { cause }) })),
      },
    );
  }

  #handleMatched(match: Matched): void {
    this.#isRequeued = false;
    const session = this.#session;
    if (session === undefined) {
      if (!this.#enterPhase('held')) return;
      this.#session = new MatchedSession(match, {
        ...this.#dependencies,
        isHeld: () => this.#phase === 'held',
        end: () => this.#requestEnd(),
      });
      this.#answer.resolve(this.#session);
    } else if (session.sessionId === match.sessionId) {
      session.repeatMatch(match);
      if (this.#phase === 'ending') this.#sendForPhase();
    } else {
      // The broker lost its record of the session and took the repeated `play` for a new request. The session may live on its
      // host, so the second one is given back.
      this.#dependencies.logger.warn(
        { sessionId: match.sessionId },
        'Gave back a second session of one request',
      );
      this.#dependencies.send({ type: 'end', sessionId: match.sessionId });
      if (this.#phase === 'ending') this.#finishSession('client_left');
    }
  }

  #handleSession(change: SessionChanged): void {
    if (this.#session === undefined || change.epoch < this.#session.epoch) return;
    if (change.state === 'ended') this.#finishSession(change.reason ?? 'error');
    // The session has a new host; the answer to a repeated `play` names it.
    else if (!this.#session.applyChange(change)) this.#sendForPhase();
  }

  #handleError(frame: ErrorMessage): void {
    const { code, sessionId } = frame;
    const isOfOtherSession = sessionId !== undefined && sessionId !== (this.#session?.sessionId ?? sessionId);
    if (isOfOtherSession && code !== 'SESSION_EXISTS') return;
    // The answer to a `stay` that was too late. The message that the session has moved is on its way.
    if (code === 'NO_MOVE') return;
    const error = brokerError(frame);
    const reaction = reactToError(error, {
      phase: this.#phase,
      isKnownToBroker: this.#phase !== 'asking' || this.#wasInterrupted,
      isRequeued: this.#isRequeued,
      isAttached: this.#session?.isAttached === true,
    });
    switch (reaction) {
      case undefined:
        return;
      case 'retry':
        this.#retryTimer.start(error);
        return;
      case 'reject':
        if (isWorthRetrying(error) && this.#retryTimer.start(error, this.#dependencies.maxWaitMs)) return;
        this.#answer.reject(error);
        this.#enterPhase('over');
        return;
      case 'signalLost':
        this.#session?.notifySignalLost(error);
        return;
      case 'queued':
      case 'over':
        this.#enterPhase(reaction);
        return;
      case 'held':
        this.#enterPhase(reaction);
        this.#ending?.reject(error);
        this.#ending = undefined;
        return;
      default:
        this.#finishSession(reaction.ended);
    }
  }

  /** The broker queues the request again after the slot of its session was lost. Returns false if there is no session. */
  #requeueIfHeld(): boolean {
    const isHeld = this.#phase === 'held';
    this.#isRequeued ||= isHeld;
    return isHeld;
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

  #sendAccept(): void {
    this.#dependencies.send({ type: 'accept', requestId: this.#play.requestId });
  }

  #sendForPhase(): void {
    const message = messageForPhase(this.#phase, this.#play, this.#session);
    if (message !== undefined && this.#dependencies.send(message)) this.#wasSent = true;
  }

  #finishSession(reason: EndReason): void {
    this.#enterPhase('over');
    this.#ending?.resolve();
    this.#session?.notifyEnded(reason);
  }

  /** Returns false, and changes nothing, if the table has no such transition. Ends what belongs to the last phase. */
  #enterPhase(phase: PlayPhase): boolean {
    if (!isPhaseTransition(this.#phase, phase)) return false;
    this.#phase = phase;
    this.#retryTimer.stop();
    this.#offer?.abort();
    if (phase !== 'over') return true;
    this.#session?.stop();
    this.#dependencies.onOver();
    return true;
  }
}
