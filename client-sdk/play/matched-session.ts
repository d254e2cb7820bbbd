import type { ClientToBroker, Matched, Moving, SessionChanged } from '@duskline/protocol';
import type { Clock, Logger } from '@duskline/sdk-runtime';
import { LiveSession } from '../session/session.js';
import { SessionMoveHandler } from '../session/session-move.js';
import { SignalOutbox } from '../session/signal-outbox.js';
import type { PlayOptions } from './play-options.js';

export interface MatchedSessionDependencies extends Pick<PlayOptions, 'onMove'> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns whether the message was handed to an open socket. */
  readonly send: (message: ClientToBroker) => boolean;
  /** False once the player leaves the session, and after its end. */
  readonly isHeld: () => boolean;
  /** Implements `Session.end`. */
  readonly end: () => Promise<void>;
}

/** The session that a play request led to, with its signals to the host and its move. */
export class MatchedSession extends LiveSession {
  /** The broker of this connection sent `matched` for the session. It accepts `end`, `signal` and `stay` only then. */
  isAttached = true;
  readonly #dependencies: MatchedSessionDependencies;
  readonly #signals: SignalOutbox;
  readonly #moves: SessionMoveHandler;

  constructor(match: Matched, dependencies: MatchedSessionDependencies) {
    const { isHeld, end } = dependencies;
    const { sessionId } = match;
    const signal = (data: string): void => {
      if (isHeld()) this.#signals.push(data);
    };
    super(match, { end, signal }, dependencies.logger);
    this.#dependencies = dependencies;
    this.#signals = new SignalOutbox((data) => this.#send({ type: 'signal', sessionId, data }));
    this.#moves = new SessionMoveHandler({
      ...dependencies,
      sendStay: (epoch) => this.#send({ type: 'stay', sessionId, epoch }),
    });
  }

  /** The broker sent `matched` again, after a reconnect or because the session has another host. */
  repeatMatch(match: Matched): void {
    this.isAttached = true;
    // Signals that were meant for a lost host must not reach its successor.
    if (match.epoch > this.epoch) this.#signals.clear();
    this.#signals.flush();
    this.applyMatch(match, this.#moves.completeMove(match.epoch));
    this.#moves.repeatStay();
  }

  startMove(match: Moving): void {
    if (this.#dependencies.isHeld() && match.epoch > this.epoch) this.#moves.startMove(match);
  }

  /**
   * Applies a state other than `ended`.
   *
   * @returns false if the session has a host for which this client has no match
   */
  applyChange({ epoch, state }: SessionChanged): boolean {
    if (epoch === this.epoch) {
      if (state !== 'moving') this.#moves.cancelMove();
    } else {
      const move = this.#moves.completeMove(epoch);
      if (move === undefined) return false;
      this.#signals.clear();
      this.applyMatch(move.match, move);
    }
    this.applyState(state);
    return true;
  }

  /** The session is over: cancels a move that is still under way. */
  stop(): void {
    this.#moves.stop();
  }

  #send(message: ClientToBroker): boolean {
    return this.#dependencies.isHeld() && this.isAttached && this.#dependencies.send(message);
  }
}
