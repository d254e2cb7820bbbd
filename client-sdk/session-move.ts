import type { Moving } from '@duskline/protocol';
import { Assignment } from './assignment.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Session } from './session.js';
import type { Listener } from './typed-events.js';

/** Where a session may go while it is played: all as in `Session`, for the new host. */
export interface SessionMove extends Pick<
  Session,
  'epoch' | 'region' | 'pool' | 'host' | 'ticket' | 'claimWithinMs' | 'stream' | 'iceServers' | 'reason'
> {
  /** Aborts when the session stays where it is after all, or is over: let go of the new host. */
  readonly signal: AbortSignal;
}

export interface MoveFollowerWiring {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without it no move is followed, and a broker that announces one is on its own. */
  readonly onMove?: Listener<SessionMove> | undefined;
  /** Tells the broker, if it can be told now. */
  readonly stay: (epoch: number) => void;
}

class OfferedMove extends Assignment implements SessionMove {
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
  /** The application is at the new host, or on its way. */
  isFollowed: boolean;
}

/** The move of one session that is under way, if any: lets the application follow it, or says `stay`. */
export class MoveFollower {
  readonly #wiring: MoveFollowerWiring;
  #pending: PendingMove | undefined;

  constructor(wiring: MoveFollowerWiring) {
    this.#wiring = wiring;
  }

  /** One that is repeated, or older than the one under way, changes nothing. */
  begin(match: Moving): void {
    const { clock, onMove } = this.#wiring;
    if (onMove === undefined || match.epoch <= (this.#pending?.match.epoch ?? 0)) return;
    this.callOff();
    const stay = (): void => this.#stay(pending);
    const cancelDeadline = clock.setTimer(stay, match.claimWithinMs);
    const pending = { match, controller: new AbortController(), cancelDeadline, isFollowed: true };
    this.#pending = pending;
    void this.#follow(pending, onMove);
  }

  /**
   * The session is at this epoch now, so moves to earlier ones are off. Answers with the move that led there, if any.
   */
  settle(epoch: number): PendingMove | undefined {
    const pending = this.#pending;
    if (pending === undefined || pending.match.epoch > epoch) return undefined;
    if (pending.match.epoch < epoch) pending.controller.abort();
    pending.cancelDeadline();
    this.#pending = undefined;
    return pending.match.epoch === epoch ? pending : undefined;
  }

  /** The session stays where it is, or is over. */
  callOff(): void {
    this.settle(Infinity);
  }

  /** A broker that gave the session again may not have heard `stay`. */
  remind(): void {
    if (this.#pending?.isFollowed === false) this.#wiring.stay(this.#pending.match.epoch);
  }

  async #follow(pending: PendingMove, onMove: Listener<SessionMove>): Promise<void> {
    try {
      await onMove(new OfferedMove(pending.match, pending.controller.signal));
      pending.cancelDeadline();
    } catch {
      // Not logged: an error of a connection may name what it was opened with, the ticket.
      this.#stay(pending);
    }
  }

  #stay(pending: PendingMove): void {
    if (this.#pending !== pending || !pending.isFollowed) return;
    this.#wiring.logger.warn({ epoch: pending.match.epoch }, 'onMove did not get to the new host');
    pending.isFollowed = false;
    pending.cancelDeadline();
    pending.controller.abort();
    this.remind();
  }
}
