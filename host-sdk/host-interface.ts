import type { ErrorMessage } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import type { Admission } from './admission/admission.js';
import type { HostStatus } from './connection/host-status.js';
import type { HostedSession } from './sessions/hosted-session.js';
import type { EndedSession, PreparedSession } from './sessions/session-record.js';
import type { Listener } from '@duskline/sdk-runtime';

/** A time limit that a session approaches, or no longer does. */
export interface NearLimit {
  readonly sessionId: string;
  readonly epoch: number;
  readonly kind: HostLimitKind;
  /** Milliseconds until the session ends for this reason; `null` if it no longer will, because the player was active. */
  readonly endsInMs: number | null;
}

/** A signal from the player's device. */
export interface ReceivedSignal {
  readonly sessionId: string;
  readonly epoch: number;
  readonly data: string;
}

/** A session that is part of a move, with its epoch on this host. */
export interface MovingSession {
  readonly sessionId: string;
  readonly epoch: number;
}

/** Another client of the player has the session now. */
export interface ReplacedStream {
  readonly sessionId: string;
  readonly epoch: number;
  /** The session as it was given to the former client. It is `ended`; the session itself continues. */
  readonly replaced: HostedSession;
  /** The session as the admission of the new client has it. */
  readonly session: HostedSession;
}

/** The events of a host. */
export interface HostEvents {
  status: HostStatus;
  /** A broker made a reservation; `onPrepare` is called next. */
  prepare: PreparedSession;
  /**
   * A session or reservation has ended, but not by `session.end()`: by the broker, a limit, `leave()`, or a move to another host
   * (`superseded`).
   */
  end: EndedSession;
  /**
   * A client showed a newer ticket while another one was admitted, because the player continues on another device: close the stream
   * of the former client. Emitted before `admit` returns. The game continues.
   */
  streamReplaced: ReplacedStream;
  /** A session for which `onCheckpoint` was called stays on this host: resume the game. */
  resume: MovingSession;
  /** A restored session whose client has arrived belongs to this host now: start the game. */
  moved: MovingSession;
  /** The SDK sends it to the player's device too, through the broker. */
  limit: NearLimit;
  /** May arrive before the client has shown its ticket. */
  signal: ReceivedSignal;
  /** The broker refused a message. `sessionId` is the session of that message, if any. */
  error: ErrorMessage;
}

/** A streaming host; see `createHost`. */
export interface Host {
  readonly status: HostStatus;
  /** The number of slots, of reservations (`prepared`) and of sessions in use (`held`). */
  readonly usage: { readonly slots: number; readonly prepared: number; readonly held: number };
  /** The sessions that were admitted and have not ended. */
  sessions(): HostedSession[];
  /** Adds a listener. Returns a function that removes it. Errors that a listener throws are logged. */
  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void;
  /** Resolves when the host is registered with a broker. Rejects with `HostClosedError` if the host is closed. */
  whenRegistered(): Promise<void>;
  /**
   * Decides whether to admit a client that shows a ticket. Needs no broker, because tickets are signed. Never throws. After an
   * admission the session is `active`, and the SDK reports that to the broker.
   */
  admit(ticket: string): Admission;
  /**
   * The same as `admit`, but a client waits up to 5 s if every slot is in use: the broker has reserved a slot for it, so a session has
   * ended of which this host has not heard yet. If no slot becomes free, the host refuses the session, and the broker gives the player
   * another host. Never rejects.
   */
  admitWhenFree(ticket: string): Promise<Admission>;
  /**
   * The same as `HostedSession.signal`, but also for a reservation whose client has not shown its ticket yet, for connections that
   * need signalling first. Returns false also if the host has no such session.
   */
  signal(sessionId: string, data: string): boolean;
  /**
   * Leaves the fleet: sends `leave`, closes with 1000, and ends every session with `host_ended`. Resolves when the socket is closed,
   * after 2 s at the latest. Repeated calls return the same promise. Without a connection the broker notices by the missing
   * heartbeats.
   */
  leave(): Promise<void>;
  /**
   * Closes the connection permanently, but ends no sessions. The broker waits for the host to return, and then declares it lost. No
   * client is admitted any more, so reservations are over, without an event.
   *
   * @param options.abrupt whether to skip the closing handshake, as in a crash
   */
  close(options?: { readonly abrupt?: boolean }): Promise<void>;
}
