import type { EndReason, SessionLimits, StreamSettings } from '@duskline/protocol';
import type { HostSessionState } from './session-transitions.js';

/** One assignment of a session to this host. Only the session table changes its state. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** From `prepare`; `undefined` if the ticket arrived first. */
  stream: StreamSettings | undefined;
  /** From `prepare`, like `stream`. */
  limits: SessionLimits | undefined;
  /** When a client was first admitted, by the host's monotonic clock. */
  admittedAtMs: number | undefined;
  state: HostSessionState;
  /** False for a session that moves to this host, until the broker sends `moved`. */
  begun: boolean;
  /** Whether the application allows the session to move away. */
  movable: boolean;
  /** The application has accepted the reservation. */
  isAccepted: boolean;
  /** When the reservation expires, by the host's monotonic clock. Matters only in the state `prepared`. */
  readonly claimByMs: number;
}

/** The fields of `prepare` and `restore` that the table needs. */
export interface PreparedAssignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  readonly stream: StreamSettings;
  readonly limits?: SessionLimits | undefined;
  /** Counts from when the session is put into the table. */
  readonly claimWithinMs: number;
}

/** The claims of a verified ticket that the table needs. */
export interface ClaimedAssignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
}

/** A session that has ended, and why. */
export interface EndedRecord {
  readonly record: SessionRecord;
  readonly reason: EndReason;
}

/** Whether a checkpoint can be requested now. A session that still moves to this host cannot move on. */
export function isMovable({ state, begun, movable }: SessionRecord): boolean {
  return state === 'connected' && begun && movable;
}
