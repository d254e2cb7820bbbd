import type { RegionPool } from '../../domain/catalog.js';
import type { HostConnection } from '../connections/connections.js';
import type { MoveEvent } from '../../domain/move/coordinated-move.js';

/** A move that this broker runs. */
export interface CoordinatedMove {
  /** Epoch of the session on the target host. */
  readonly toEpoch: number;
  /** Applies an event to the machine of the move. */
  readonly dispatch: (event: MoveEvent) => void;
}

/** A session that a host of this broker has to hand over. */
export interface OutgoingMove {
  readonly host: HostConnection;
  readonly sessionId: string;
  readonly epoch: number;
  readonly to: RegionPool;
  readonly toEpoch: number;
  readonly coordinatorBrokerId: string;
  /** Deadline of the host's checkpoint, by the monotonic clock. */
  readonly replyByMs: number;
  /** Time at which the move has ended in any case, by the monotonic clock. */
  readonly expiresAtMs: number;
  /** Whether the host sent its checkpoint. It keeps the session paused from then on. */
  isPaused: boolean;
}

/** A session that a host of this broker has to restore. */
export interface IncomingMove {
  readonly host: HostConnection;
  readonly epoch: number;
  readonly coordinatorBrokerId: string;
  /** Deadline of the host's answer, by the monotonic clock. */
  readonly replyByMs: number;
  /** Time at which the move has ended in any case, by the monotonic clock. */
  readonly expiresAtMs: number;
  /** Whether the host sent `restored` in time. */
  isRestored: boolean;
}

/**
 * The moves that this broker takes part in, by session id. Nothing depends on this state when the broker dies, because all
 * parties of a move have deadlines of their own.
 */
export class ActiveMoves {
  /** Moves that this broker runs. */
  readonly coordinated = new Map<string, CoordinatedMove>();
  readonly outgoing = new Map<string, OutgoingMove>();
  readonly incoming = new Map<string, IncomingMove>();
  /** Reports of target hosts that are being confirmed. They resolve to whether the session was moving. */
  readonly pendingConfirmations = new Map<string, Promise<boolean>>();
}

/** The moves that this broker takes part in. */
export interface ActiveMovesPort {
  readonly activeMoves: ActiveMoves;
}
