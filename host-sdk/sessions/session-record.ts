import type {
  EndReason,
  HeldSession,
  HostCheckpoint,
  SessionLimits,
  StreamSettings,
} from '@duskline/protocol';
import { limitsDueAtMs, type LimitTracker } from '../limits/limit-tracker.js';
import { isHeldPhase, PHASES, type HeldPhase, type ReservedPhase } from './session-phases.js';
import { isHeld } from './session-transitions.js';

/** A reservation that a broker made. The client connects next. */
export interface PreparedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  readonly stream: StreamSettings;
  /** The reservation expires if no client shows the ticket within this time from now, in milliseconds. */
  readonly claimWithinMs: number;
  /** Time limits that the SDK enforces; none if absent. */
  readonly limits?: SessionLimits;
}

/** A session or reservation that the application did not end itself. It stops the stream and frees resources. */
export interface EndedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
}

/**
 * The ticket with which a client was admitted. A client that lost its stream and shows the same ticket has the same object, so it
 * also identifies the admitted client.
 */
export interface Claim {
  /** Of two tickets of a session and epoch, the one with the higher number is newer. */
  readonly number: number;
}

/** A signal to the client that could not be sent yet. */
export interface UnsentSignal {
  /** Gives the order among all signals of the host. */
  readonly order: number;
  readonly data: string;
}

/** An end that the broker may not know yet. */
export interface UnconfirmedEnd {
  readonly reason: EndReason;
  /** How many pings the host had sent when it sent the end. `undefined`: the end was not sent over this connection yet. */
  readonly sentAfterPing: number | undefined;
}

/** One assignment of a session to this host. */
interface Assignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** From `prepare`; `undefined` if the ticket arrived first. */
  readonly stream: StreamSettings | undefined;
  /** From `prepare`, like `stream`. */
  readonly limits: SessionLimits | undefined;
  /** Whether the application allows the session to move away. */
  readonly movable: boolean;
  readonly signals: readonly UnsentSignal[];
  /** How long the broker waits for the answer to `restore` or `checkpoint`, by the host's monotonic clock; else `Infinity`. */
  readonly answerByMs: number;
}

/** No client was admitted yet. */
export interface ReservedRecord extends Assignment {
  readonly phase: ReservedPhase;
  /** The application has accepted the reservation (`onPrepare`). */
  readonly isAccepted: boolean;
  /** When the reservation expires, by the host's monotonic clock. */
  readonly claimByMs: number;
}

/** A client was admitted: the session uses a slot. */
export interface HeldRecord extends Assignment {
  readonly phase: HeldPhase;
  readonly claim: Claim;
  /** When a client was first admitted, by the host's monotonic clock. */
  readonly admittedAtMs: number;
  /** `undefined` while the limits are unknown. */
  readonly tracker: LimitTracker | undefined;
  /** When a paused session resumes if the broker sends nothing, by the host's monotonic clock; else `Infinity`. */
  readonly resumeAtMs: number;
  /** The answer that could not be sent, in the phase `checkpointed`. */
  readonly checkpoint: HostCheckpoint | undefined;
  /** How often `onCheckpoint` was called. An answer to an earlier call is ignored. */
  readonly checkpointCalls: number;
}

export type LiveRecord = ReservedRecord | HeldRecord;

/** The session is over on this host, or unknown. */
export interface EndedRecord {
  readonly phase: 'ended';
  readonly sessionId: string;
  /** This epoch and lower ones are over. 0: the host does not know the session. */
  readonly epoch: number;
  readonly unconfirmedEnd: UnconfirmedEnd | undefined;
}

/** What a host knows about one session. */
export type SessionRecord = LiveRecord | EndedRecord;

/** The record of a session that the host does not know. */
export function createUnknownRecord(sessionId: string): EndedRecord {
  return { phase: 'ended', sessionId, epoch: 0, unconfirmedEnd: undefined };
}

/** Whether a client was admitted, so that the session uses a slot. */
export function isHeldRecord(record: SessionRecord): record is HeldRecord {
  return isHeldPhase(record.phase);
}

/** The same session in another phase. Deadlines and answers that the new phase does not have are dropped. */
export function changePhase(record: HeldRecord, phase: HeldPhase): HeldRecord {
  const { move, answerDue } = PHASES[phase];
  return {
    ...record,
    phase,
    answerByMs: answerDue ? record.answerByMs : Infinity,
    resumeAtMs: move === 'away' ? record.resumeAtMs : Infinity,
    checkpoint: phase === 'checkpointed' ? record.checkpoint : undefined,
  };
}

/** When the next deadline of the session is. `Infinity`: it has none. */
export function nextDeadlineMs(record: SessionRecord): number {
  if (record.phase === 'ended') return Infinity;
  if (!isHeldRecord(record)) return Math.min(record.claimByMs, record.answerByMs);
  const limitsMs = record.tracker === undefined ? Infinity : limitsDueAtMs(record.tracker);
  return Math.min(record.answerByMs, record.resumeAtMs, limitsMs);
}

/** The session as `register` and `heartbeat` list it; `undefined` if they do not. */
export function toHeldSession(record: SessionRecord): HeldSession | undefined {
  const { state } = PHASES[record.phase];
  if (!isHeld(state)) return undefined;
  const { sessionId, epoch } = record;
  return { sessionId, epoch, state, ...(canCheckpoint(record) ? { movable: true } : {}) };
}

/** Whether a checkpoint can be requested now. A session that still moves to this host cannot move on. */
export function canCheckpoint(record: SessionRecord): record is HeldRecord {
  return record.phase === 'connected' && record.movable;
}
