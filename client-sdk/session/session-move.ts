import type { Moving } from '@duskline/protocol';
import { Assignment } from './assignment.js';
import type { Clock, Logger } from '@duskline/sdk-runtime';
import type { Session } from './session.js';
import type { Listener } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';

/** The target host of a session that may move while it is played. The fields are those of `Session`. */
export interface SessionMove extends Pick<
  Session,
  'epoch' | 'region' | 'pool' | 'host' | 'ticket' | 'claimWithinMs' | 'stream' | 'iceServers' | 'reason'
> {
  /** Aborts when the move is cancelled or the session ends: close the connection to the target host. */
  readonly signal: AbortSignal;
}

export interface SessionMoveHandlerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without it the handler ignores moves. */
  readonly onMove?: Listener<SessionMove> | undefined;
  /** Sends `stay` to the broker, if it can be sent now. */
  readonly sendStay: (epoch: number) => void;
}

class AnnouncedMove extends Assignment implements SessionMove {
  readonly signal: AbortSignal;

  constructor(match: Moving, signal: AbortSignal) {
    super(match);
    this.signal = signal;
  }
}

interface PendingMove {
  readonly match: Moving;
  readonly controller: AbortController;
  readonly cancelDeadline: () => void;
  /** Whether the target host admitted the client in `onMove`; `undefined` while it is still running. */
  isAdmitted: boolean | undefined;
  /** Resolves when `onMove` is done or its time is up. */
  readonly outcome: Deferred<boolean>;
}

/** The move of one session: calls `onMove`, and sends `stay` if it fails. */
export class SessionMoveHandler {
  readonly #dependencies: SessionMoveHandlerDependencies;
  #pending: PendingMove | undefined;
  /** The last move that completed at the broker. Its `onMove` may still be running. */
  #completed: PendingMove | undefined;

  constructor(dependencies: SessionMoveHandlerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Ignores a move that is repeated, or older than the pending one. */
  startMove(match: Moving): void {
    const { clock, onMove } = this.#dependencies;
    if (onMove === undefined || match.epoch <= (this.#pending?.match.epoch ?? 0)) return;
    this.cancelMove();
    const cancelDeadline = clock.setTimer(() => this.#recordOutcome(pending, false), match.claimWithinMs);
    const pending: PendingMove = {
      match,
      controller: new AbortController(),
      cancelDeadline,
      isAdmitted: undefined,
      outcome: new Deferred<boolean>(),
    };
    this.#pending = pending;
    void this.#runOnMove(pending, onMove);
  }

  /**
   * The session has reached this epoch, so moves to earlier epochs are cancelled. Returns the move that led to it, if any. Its
   * `onMove` may still be running, because the target host reports to the broker first; its time limit does not change.
   */
  completeMove(epoch: number): PendingMove | undefined {
    const pending = this.#pending;
    const completed = this.#completed;
    if (completed !== undefined && completed.match.epoch < epoch && completed.isAdmitted === undefined)
      abandonMove(completed);
    if (pending === undefined || pending.match.epoch > epoch) return undefined;
    this.#pending = undefined;
    if (pending.match.epoch < epoch) {
      abandonMove(pending);
      return undefined;
    }
    this.#completed = pending;
    return pending;
  }

  /** The session stays on its host. */
  cancelMove(): void {
    if (this.#pending !== undefined) abandonMove(this.#pending);
    this.#pending = undefined;
  }

  /** The session has ended. */
  stop(): void {
    this.completeMove(Infinity);
  }

  /** After a reconnect: the broker may not have received `stay`. */
  repeatStay(): void {
    if (this.#pending?.isAdmitted === false) this.#dependencies.sendStay(this.#pending.match.epoch);
  }

  async #runOnMove(pending: PendingMove, onMove: Listener<SessionMove>): Promise<void> {
    try {
      await onMove(new AnnouncedMove(pending.match, pending.controller.signal));
      this.#recordOutcome(pending, true);
    } catch {
      // The error is not logged: connection errors may contain the ticket.
      this.#recordOutcome(pending, false);
    }
  }

  #recordOutcome(pending: PendingMove, isAdmitted: boolean): void {
    if (pending.isAdmitted !== undefined || pending.controller.signal.aborted) return;
    pending.isAdmitted = isAdmitted;
    pending.cancelDeadline();
    pending.outcome.resolve(isAdmitted);
    if (isAdmitted) return;
    this.#dependencies.logger.warn({ epoch: pending.match.epoch }, 'onMove did not reach the target host');
    pending.controller.abort();
    // If the session has moved meanwhile, it can no longer stay.
    if (this.#pending === pending) this.repeatStay();
  }
}

/** Aborts the signal of `onMove`. The result of `onMove` no longer matters. */
function abandonMove({ controller, cancelDeadline }: PendingMove): void {
  cancelDeadline();
  controller.abort();
}
