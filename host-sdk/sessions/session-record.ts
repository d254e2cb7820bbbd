import type { EndReason, SessionLimits, StreamSettings } from '@duskline/protocol';
import type { HostSessionState } from './session-transitions.js';

/** One assignment of a session to this host. Its state is changed by the table alone. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** Unknown while only the ticket has arrived and `prepare` has not. */
  stream: StreamSettings | undefined;
  /** From `prepare`, as the stream. */
  limits: SessionLimits | undefined;
  /** When its first ticket was accepted; by the host's monotonic clock. */
  admittedAtMs: number | undefined;
  state: HostSessionState;
  /** False for a session that moves here, until the broker says that it is this host's. */
  begun: boolean;
  /** Whether the application would hand its state over. */
  movable: boolean;
  /** Only `prepared` ends by it; by the host's monotonic clock. */
  readonly claimByMs: number;
}

/** What `prepare` says, as far as the table cares. */
export interface PreparedAssignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  readonly stream: StreamSettings;
  readonly limits?: SessionLimits | undefined;
  /** From the moment it is put into the table. */
  readonly claimWithinMs: number;
}

/** What a verified ticket says, as far as the table cares. */
export interface ClaimedAssignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
}

/** A record that went, and why. */
export interface EndedRecord {
  readonly record: SessionRecord;
  readonly reason: EndReason;
}

/** Whether it may be asked for its state now: what moves here itself does not move on. */
export function isMovable({ state, begun, movable }: SessionRecord): boolean {
  return state === 'connected' && begun && movable;
}
