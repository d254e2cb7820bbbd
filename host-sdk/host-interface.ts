import type { ErrorMessage } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import type { Admission } from './admission/admission.js';
import type { EndedSession, PreparedSession } from './host-options.js';
import type { HostStatus } from './connection/host-status.js';
import type { HostedSession } from './sessions/hosted-session.js';
import type { Listener } from '@duskline/sdk-runtime';

/** A limit of a session draws near, or no longer does. */
export interface NearLimit {
  readonly sessionId: string;
  readonly epoch: number;
  readonly kind: HostLimitKind;
  /** Until the session ends with that reason; `null` when the player did something and it no longer threatens. */
  readonly endsInMs: number | null;
}

/** What the player's device of a session says. */
export interface ReceivedSignal {
  readonly sessionId: string;
  readonly epoch: number;
  readonly data: string;
}

/** A session that is concerned by a move, at the epoch that it has here. */
export interface MovingSession {
  readonly sessionId: string;
  readonly epoch: number;
}

/** What a host tells its application. */
export interface HostEvents {
  status: HostStatus;
  /** A reservation was made, and `onPrepare` is about to be asked. */
  prepare: PreparedSession;
  /**
   * A session, or a reservation, is over by another's doing; `superseded` when it moved away. Not told for
   * `session.end()`.
   */
  end: EndedSession;
  /** A session that `onCheckpoint` was asked for goes on here: let it run again. */
  resume: MovingSession;
  /** A session that was restored, and whose client is here, is this host's: let it run. */
  moved: MovingSession;
  /** Told to the player's device as well, by way of the broker. */
  limit: NearLimit;
  /** May come before the client has shown its ticket. */
  signal: ReceivedSignal;
  /** The broker refused something. `sessionId` names the session it is about, if any. */
  error: ErrorMessage;
}

/** A streaming host. Made by `createHost`. */
export interface Host {
  readonly status: HostStatus;
  /** How many slots are reserved and how many are used, right now. */
  readonly usage: { readonly slots: number; readonly prepared: number; readonly held: number };
  /** The sessions it holds: admitted and not ended. */
  sessions(): HostedSession[];
  /** Adds a listener; the answer takes it away. What a listener throws is logged. */
  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void;
  /** Resolves when registered; rejects with `HostClosedError` when that can no longer happen. */
  whenRegistered(): Promise<void>;
  /**
   * Decides on a client that shows a ticket. Needs no broker: a ticket is checked by its signature. Never
   * throws. After an admission the session is `active`, and the broker is told.
   */
  admit(ticket: string): Admission;
  /**
   * As `HostedSession.signal`, also for a reservation whose client has not shown its ticket yet: where client
   * and host have to find each other first. False for a session that is not here.
   */
  signal(sessionId: string, data: string): boolean;
  /**
   * Leaves in order: tells the broker, closes with 1000, ends every session with `host_ended`. Resolves when
   * the socket is closed, at the latest 2 s later. Repeated calls answer the first one's promise. Without a
   * connection nobody is told, and the broker finds out by the missing heartbeats.
   */
  leave(): Promise<void>;
  /**
   * Drops the connection for good, and leaves the sessions to the application. The broker hopes for the
   * host's return and then declares it lost.
   *
   * @param options.abrupt without a closing handshake, as a crash would
   */
  close(options?: { readonly abrupt?: boolean }): Promise<void>;
}
