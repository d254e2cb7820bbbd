import type { Place } from '../../domain/catalog.js';
import type { HostConnection } from '../connections.js';
import type { MoveParty, MoveStep } from './words.js';

/** A session that a host of this broker was told to hand over. */
export interface Outgoing {
  readonly host: HostConnection;
  readonly sessionId: string;
  readonly epoch: number;
  readonly to: Place;
  readonly toEpoch: number;
  readonly moverId: string;
  /** When the answer is due, by `performance.now()`. */
  readonly answerByMs: number;
  /** When the move is over, one way or the other. */
  readonly overByMs: number;
  /** Whether the host answered, and holds the session still. */
  still: boolean;
}

/** A session that a host of this broker was told to take up. */
export interface Incoming {
  readonly host: HostConnection;
  readonly epoch: number;
  readonly moverId: string;
  readonly overByMs: number;
}

/**
 * The moves that this broker has a part in, by session. Nothing of it is missed when the broker dies: every party goes
 * on by itself after a while.
 */
export class MoveBoard {
  /** Moves that this broker carries out. */
  readonly carried = new Map<string, MoveInbox>();
  readonly outgoing = new Map<string, Outgoing>();
  readonly incoming = new Map<string, Incoming>();
  /** Arrivals that are being settled; true when it was one. */
  readonly arriving = new Map<string, Promise<boolean>>();
}

/** The answers to one move's words, for the one who waits for them. */
export class MoveInbox {
  readonly #steps: MoveStep[] = [];
  #wake: (() => void) | undefined;

  constructor(readonly toEpoch: number) {}

  put(step: MoveStep): void {
    this.#steps.push(step);
    this.#wake?.();
  }

  /** The next answer; a refusal when none came in time. @param by whose turn it is */
  async next(by: MoveParty, withinMs: number): Promise<MoveStep> {
    if (this.#steps.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#steps.shift() ?? { kind: 'refused', by, reason: 'no answer in time' };
  }
}
