import type { RegionPool } from '../../domain/catalog.js';
import type { HostConnection } from '../connections/connections.js';
import type { MoveParty, MoveReply } from '../messaging/control-messages.js';

/** A session that a host of this broker was told to hand over. */
export interface OutgoingMove {
  readonly host: HostConnection;
  readonly sessionId: string;
  readonly epoch: number;
  readonly to: RegionPool;
  readonly toEpoch: number;
  readonly coordinatorBrokerId: string;
  /** When the answer is due, by `performance.now()`. */
  readonly replyByMs: number;
  /** When the move is over, one way or the other. */
  readonly expiresAtMs: number;
  /** Whether the host answered, and holds the session still. */
  isPaused: boolean;
}

/** A session that a host of this broker was told to take up. */
export interface IncomingMove {
  readonly host: HostConnection;
  readonly epoch: number;
  readonly coordinatorBrokerId: string;
  readonly expiresAtMs: number;
}

/**
 * The moves that this broker has a part in, by session. Nothing of it is missed when the broker dies: every party goes
 * on by itself after a while.
 */
export class ActiveMoves {
  /** Moves that this broker carries out. */
  readonly coordinated = new Map<string, MoveReplies>();
  readonly outgoing = new Map<string, OutgoingMove>();
  readonly incoming = new Map<string, IncomingMove>();
  /** Arrivals that are being settled; true when it was one. */
  readonly settlingArrivals = new Map<string, Promise<boolean>>();
}

/** The moves that this broker takes part in. */
export interface ActiveMovesPort {
  readonly activeMoves: ActiveMoves;
}

/** The answers to one move's words, for the one who waits for them. */
export class MoveReplies {
  readonly #received: MoveReply[] = [];
  #wake: (() => void) | undefined;

  constructor(readonly toEpoch: number) {}

  add(reply: MoveReply): void {
    this.#received.push(reply);
    this.#wake?.();
  }

  /** The next answer; a refusal when none came in time. @param by whose turn it is */
  async waitForNext(by: MoveParty, withinMs: number): Promise<MoveReply> {
    if (this.#received.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#received.shift() ?? { kind: 'refused', by, reason: 'no answer in time' };
  }
}
