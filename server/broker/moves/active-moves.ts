import type { RegionPool } from '../../domain/catalog.js';
import {
  stepSource,
  type SourceEffect,
  type SourceEvent,
  type SourcePhase,
} from '../../domain/move/source-part.js';
import {
  stepTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetPhase,
} from '../../domain/move/target-part.js';
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
  /** The state of the machine. Only `ActiveMoves` changes it. */
  phase: SourcePhase;
}

/** A session that a host of this broker has to restore. */
export interface IncomingMove {
  readonly host: HostConnection;
  readonly sessionId: string;
  readonly epoch: number;
  readonly coordinatorBrokerId: string;
  /** Deadline of the host's answer, by the monotonic clock. */
  readonly replyByMs: number;
  /** Time at which the move has ended in any case, by the monotonic clock. */
  readonly expiresAtMs: number;
  /** The state of the machine. Only `ActiveMoves` changes it. */
  phase: TargetPhase;
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

  /** Applies an event to a move away from a host. What comes of an earlier move does not touch a later one. */
  applyToSource(move: OutgoingMove, event: SourceEvent): readonly SourceEffect[] {
    const { phase, effects } = stepSource(move.phase, event);
    move.phase = phase;
    const isCurrent = this.outgoing.get(move.sessionId) === move;
    if (phase === 'over' && isCurrent) this.outgoing.delete(move.sessionId);
    return effects;
  }

  /** Applies an event to a move to a host. */
  applyToTarget(move: IncomingMove, event: TargetEvent): readonly TargetEffect[] {
    const { phase, effects } = stepTarget(move.phase, event);
    move.phase = phase;
    const isCurrent = this.incoming.get(move.sessionId) === move;
    if (phase === 'over' && isCurrent) this.incoming.delete(move.sessionId);
    return effects;
  }

  /** The move of a session to this epoch is over, if a host of this broker takes part in it. */
  finishTarget(sessionId: string, epoch: number): void {
    const move = this.incoming.get(sessionId);
    if (move?.epoch === epoch) this.applyToTarget(move, { type: 'finished' });
  }
}

/** The moves that this broker takes part in. */
export interface ActiveMovesPort {
  readonly activeMoves: ActiveMoves;
}
