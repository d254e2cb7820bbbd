import type { Moving } from '@duskline/protocol';
import { Assignment } from './assignment.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Session } from './session.js';
import type { Listener } from './typed-events.js';
import { Deferred } from './waiting.js';

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
  /** Whether the application is at the new host; `undefined` while it is on its way. */
  isThere: boolean | undefined;
  /** Resolves when that is known. */
  readonly arrival: Deferred<boolean>;
}

/** The move of one session that is under way, if any: lets the application follow it, or says `stay`. */
export class MoveFollower {
  readonly #wiring: MoveFollowerWiring;
  #pending: PendingMove | undefined;
  /** The last that succeeded; its application may be on its way still. */
  #settled: PendingMove | undefined;

  constructor(wiring: MoveFollowerWiring) {
    this.#wiring = wiring;
  }

  /** One that is repeated, or older than the one under way, changes nothing. */
  begin(match: Moving): void {
    const { clock, onMove } = this.#wiring;
    if (onMove === undefined || match.epoch <= (this.#pending?.match.epoch ?? 0)) return;
    this.callOff();
    const cancelDeadline = clock.setTimer(() => this.#decide(pending, false), match.claimWithinMs);
    const pending: PendingMove = {
      match,
      controller: new AbortController(),
      cancelDeadline,
      isThere: undefined,
      arrival: new Deferred<boolean>(),
    };
    this.#pending = pending;
    void this.#follow(pending, onMove);
  }

  /**
   * The session is at this epoch now, so moves to earlier ones are off. Answers with the move that led there, if any. Its
   * application may be on its way still: the broker heard from the new host before it did, and it has the time it had.
   */
  settle(epoch: number): PendingMove | undefined {
    const [pending, settled] = [this.#pending, this.#settled];
    if (settled !== undefined && settled.match.epoch < epoch && settled.isThere === undefined)
      giveUp(settled);
    if (pending === undefined || pending.match.epoch > epoch) return undefined;
    this.#pending = undefined;
    if (pending.match.epoch < epoch) {
      giveUp(pending);
      return undefined;
    }
    this.#settled = pending;
    return pending;
  }

  /** The session stays where it is. */
  callOff(): void {
    if (this.#pending !== undefined) giveUp(this.#pending);
    this.#pending = undefined;
  }

  /** The session is over. */
  end(): void {
    this.settle(Infinity);
  }

  /** A broker that gave the session again may not have heard `stay`. */
  remind(): void {
    if (this.#pending?.isThere === false) this.#wiring.stay(this.#pending.match.epoch);
  }

  async #follow(pending: PendingMove, onMove: Listener<SessionMove>): Promise<void> {
    try {
      await onMove(new OfferedMove(pending.match, pending.controller.signal));
      this.#decide(pending, true);
    } catch {
      // Not logged: an error of a connection may name what it was opened with, the ticket.
      this.#decide(pending, false);
    }
  }

  #decide(pending: PendingMove, isThere: boolean): void {
    if (pending.isThere !== undefined || pending.controller.signal.aborted) return;
    pending.isThere = isThere;
    pending.cancelDeadline();
    pending.arrival.resolve(isThere);
    if (isThere) return;
    this.#wiring.logger.warn({ epoch: pending.match.epoch }, 'onMove did not get to the new host');
    pending.controller.abort();
    // One that has moved all the same is told so: it cannot stay any more.
    if (this.#pending === pending) this.remind();
  }
}

/** Its application lets go of the new host, and is told nothing more of it. */
function giveUp({ controller, cancelDeadline }: PendingMove): void {
  cancelDeadline();
  controller.abort();
}
