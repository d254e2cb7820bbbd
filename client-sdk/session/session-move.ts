import type { Moving } from '@duskline/protocol';
import { Assignment } from './assignment.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '@duskline/sdk-runtime';
import type { Session } from './session.js';
import type { Listener } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';

/** Where a session may go while it is played: all as in `Session`, for the new host. */
export interface SessionMove extends Pick<
  Session,
  'epoch' | 'region' | 'pool' | 'host' | 'ticket' | 'claimWithinMs' | 'stream' | 'iceServers' | 'reason'
> {
  /** Aborts when the session stays where it is after all, or is over: let go of the new host. */
  readonly signal: AbortSignal;
}

export interface SessionMoveHandlerWiring {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without it no move is followed, and a broker that announces one is on its own. */
  readonly onMove?: Listener<SessionMove> | undefined;
  /** Tells the broker, if it can be told now. */
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
  /** Whether the application is at the new host; `undefined` while it is on its way. */
  hasArrived: boolean | undefined;
  /** Resolves when that is known. */
  readonly outcome: Deferred<boolean>;
}

/** The move of one session that is under way, if any: lets the application follow it, or says `stay`. */
export class SessionMoveHandler {
  readonly #wiring: SessionMoveHandlerWiring;
  #pending: PendingMove | undefined;
  /** The last that succeeded; its application may be on its way still. */
  #completed: PendingMove | undefined;

  constructor(wiring: SessionMoveHandlerWiring) {
    this.#wiring = wiring;
  }

  /** One that is repeated, or older than the one under way, changes nothing. */
  startMove(match: Moving): void {
    const { clock, onMove } = this.#wiring;
    if (onMove === undefined || match.epoch <= (this.#pending?.match.epoch ?? 0)) return;
    this.cancelMove();
    const cancelDeadline = clock.setTimer(() => this.#recordOutcome(pending, false), match.claimWithinMs);
    const pending: PendingMove = {
      match,
      controller: new AbortController(),
      cancelDeadline,
      hasArrived: undefined,
      outcome: new Deferred<boolean>(),
    };
    this.#pending = pending;
    void this.#runOnMove(pending, onMove);
  }

  /**
   * The session is at this epoch now, so moves to earlier ones are off. Answers with the move that led there, if any. Its
   * application may be on its way still: the broker heard from the new host before it did, and it has the time it had.
   */
  completeMove(epoch: number): PendingMove | undefined {
    const [pending, completed] = [this.#pending, this.#completed];
    if (completed !== undefined && completed.match.epoch < epoch && completed.hasArrived === undefined)
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

  /** The session stays where it is. */
  cancelMove(): void {
    if (this.#pending !== undefined) abandonMove(this.#pending);
    this.#pending = undefined;
  }

  /** The session is over. */
  stop(): void {
    this.completeMove(Infinity);
  }

  /** A broker that gave the session again may not have heard `stay`. */
  repeatStay(): void {
    if (this.#pending?.hasArrived === false) this.#wiring.sendStay(this.#pending.match.epoch);
  }

  async #runOnMove(pending: PendingMove, onMove: Listener<SessionMove>): Promise<void> {
    try {
      await onMove(new AnnouncedMove(pending.match, pending.controller.signal));
      this.#recordOutcome(pending, true);
    } catch {
      // Not logged: an error of a connection may name what it was opened with, the ticket.
      this.#recordOutcome(pending, false);
    }
  }

  #recordOutcome(pending: PendingMove, hasArrived: boolean): void {
    if (pending.hasArrived !== undefined || pending.controller.signal.aborted) return;
    pending.hasArrived = hasArrived;
    pending.cancelDeadline();
    pending.outcome.resolve(hasArrived);
    if (hasArrived) return;
    this.#wiring.logger.warn({ epoch: pending.match.epoch }, 'onMove did not get to the new host');
    pending.controller.abort();
    // One that has moved all the same is told so: it cannot stay any more.
    if (this.#pending === pending) this.repeatStay();
  }
}

/** Its application lets go of the new host, and is told nothing more of it. */
function abandonMove({ controller, cancelDeadline }: PendingMove): void {
  cancelDeadline();
  controller.abort();
}
