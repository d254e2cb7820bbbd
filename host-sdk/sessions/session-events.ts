import type { EndReason, HostToBroker } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import type { Checkpoint, CheckpointFields } from './checkpoint.js';
import type { Claim, EndedSession, PreparedSession, UnsentSignal } from './session-record.js';

/** What happens to one session. Events with an `epoch` are ignored if the session has another one now, unless they begin or end it. */
export type SessionEvent =
  // From a broker.
  | { readonly type: 'prepare'; readonly session: PreparedSession }
  | {
      readonly type: 'restore';
      readonly session: PreparedSession;
      readonly checkpoint: Checkpoint;
      readonly withinMs: number;
    }
  | { readonly type: 'end_ordered'; readonly epoch: number; readonly reason: EndReason }
  | {
      readonly type: 'checkpoint_ordered';
      readonly epoch: number;
      readonly withinMs: number;
      readonly stillMs: number;
    }
  | { readonly type: 'resume_ordered'; readonly epoch: number }
  | { readonly type: 'moved'; readonly epoch: number }
  /** An error that answers `checkpoint` or `restored`. */
  | { readonly type: 'move_refused' }
  | { readonly type: 'signal_received'; readonly epoch: number; readonly data: string }
  // From the session's client.
  | {
      readonly type: 'ticket';
      readonly epoch: number;
      readonly title: string;
      readonly playerId: string;
      readonly number: number;
    }
  /** A ticket that has expired and is valid otherwise. */
  | { readonly type: 'ticket_expired'; readonly epoch: number }
  /** A client with a valid ticket has waited for a slot, and none became free. */
  | { readonly type: 'slot_wait_over'; readonly epoch: number }
  // From the application. A `claim` that is not the latest belongs to a client that was replaced.
  | { readonly type: 'stream_connected'; readonly claim: Claim }
  | { readonly type: 'stream_lost'; readonly claim: Claim }
  | { readonly type: 'application_ended'; readonly claim: Claim; readonly reason: EndReason }
  | { readonly type: 'player_input'; readonly claim: Claim }
  | { readonly type: 'movable_set'; readonly claim: Claim; readonly movable: boolean }
  /** `claim` is absent for a signal that names only the session. */
  | { readonly type: 'signal_given'; readonly claim?: Claim; readonly data: string }
  /** Answers of `onPrepare`, `onRestore` and `onCheckpoint`. */
  | { readonly type: 'prepare_accepted'; readonly epoch: number }
  | { readonly type: 'prepare_refused'; readonly epoch: number }
  | { readonly type: 'restore_done'; readonly epoch: number }
  | { readonly type: 'restore_refused'; readonly epoch: number; readonly reason: string }
  | {
      readonly type: 'checkpoint_done';
      readonly epoch: number;
      readonly call: number;
      readonly checkpoint: CheckpointFields;
    }
  | {
      readonly type: 'checkpoint_refused';
      readonly epoch: number;
      readonly call: number;
      readonly reason: string;
    }
  // From the connection to the broker.
  | { readonly type: 'registered' }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'pong'; readonly ping: number }
  /** What became of a message. */
  | { readonly type: 'end_sent'; readonly epoch: number }
  | { readonly type: 'answer_sent'; readonly epoch: number }
  | { readonly type: 'signal_unsent'; readonly epoch: number; readonly signal: UnsentSignal }
  | { readonly type: 'limit_unsent'; readonly epoch: number; readonly kind: HostLimitKind }
  // From the host.
  /** A deadline may have passed. */
  | { readonly type: 'time' }
  | { readonly type: 'left' }
  | { readonly type: 'closed' };

export type SessionEventType = SessionEvent['type'];
export type EventOf<Type extends SessionEventType> = Extract<SessionEvent, { type: Type }>;

/** Events for the application. */
export type SessionNotice =
  | { readonly event: 'prepare'; readonly payload: PreparedSession }
  | { readonly event: 'end'; readonly payload: EndedSession }
  | {
      readonly event: 'resume' | 'moved';
      readonly payload: { readonly sessionId: string; readonly epoch: number };
    }
  | {
      readonly event: 'limit';
      readonly payload: {
        readonly sessionId: string;
        readonly epoch: number;
        readonly kind: HostLimitKind;
        readonly endsInMs: number | null;
      };
    }
  | {
      readonly event: 'signal';
      readonly payload: { readonly sessionId: string; readonly epoch: number; readonly data: string };
    };

/** What the host does next. It carries the effects out in order. */
export type SessionEffect =
  /** Sends a message. The event that fits the outcome follows. */
  | {
      readonly type: 'send';
      readonly message: HostToBroker;
      readonly sent?: SessionEvent;
      readonly unsent?: SessionEvent;
    }
  | { readonly type: 'notify'; readonly notice: SessionNotice }
  /** Another client has the session now; the application has to disconnect the client of `former`. */
  | { readonly type: 'replace_stream'; readonly former: Claim; readonly claim: Claim }
  | { readonly type: 'call_on_prepare'; readonly session: PreparedSession }
  | { readonly type: 'call_on_restore'; readonly session: PreparedSession; readonly checkpoint: Checkpoint }
  | {
      readonly type: 'call_on_checkpoint';
      readonly claim: Claim;
      readonly epoch: number;
      readonly call: number;
    }
  /** Lets waiting clients try again: a slot may have become free, or their session is over. */
  | { readonly type: 'retry_waiting' };

/** Whether sessions may move away from the host. */
export interface Movability {
  /** The application creates checkpoints. */
  readonly isPossible: boolean;
  /** Whether sessions are movable unless the application says otherwise. */
  readonly byDefault: boolean;
}

/** Facts about the host on which the step of a session depends. */
export interface HostFacts {
  /** The host's monotonic clock. */
  readonly nowMs: number;
  readonly isRegistered: boolean;
  /** How many pings the host has sent. */
  readonly pingsSent: number;
  readonly hasFreeSlot: boolean;
  /** Whether another session may be reserved. */
  readonly hasRoomForReservation: boolean;
  /** Whether another signal may wait for a connection. */
  readonly hasRoomForSignal: boolean;
  /** The number of the next signal. */
  readonly nextSignalOrder: number;
  readonly movability: Movability;
}

/** Why the host refuses a valid ticket. */
export const CLAIM_FAULTS = [
  /** The session has a newer assignment. */
  'stale_epoch',
  /** The session has ended, or its reservation expired. */
  'session_over',
  /** A client was admitted already, with this ticket or a newer one. */
  'already_claimed',
  /** Every slot is in use. */
  'no_free_slot',
] as const;
export type ClaimFault = (typeof CLAIM_FAULTS)[number];

/** The answer to a ticket. */
export type ClaimAnswer =
  | {
      readonly ok: true;
      readonly claim: Claim;
      /** A client had been admitted before. */
      readonly readmitted: boolean;
    }
  | { readonly ok: false; readonly fault: ClaimFault };
