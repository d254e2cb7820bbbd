import type { SessionEvent } from '../../domain/client-session/events.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ConnectLimiter } from './connect-limiter.js';
import type { ClientSessionDirectory } from './client-session-directory.js';
import type {
  ClientConnection,
  ClientSessionRecord,
  ClientSessionTypes,
  ConnectionDirectory,
} from './connections.js';

/** The connected clients and hosts of this broker, and the sessions of its clients. */
export interface Connections {
  readonly connections: ConnectionDirectory;
  readonly clientSessions: ClientSessionDirectory;
  readonly sessionRunner: ClientSessionRunner;
  /** Limits how many reconnecting clients one turn of the event loop processes, so that connected clients need not wait. */
  readonly connectLimiter: ConnectLimiter;
}

/** What an event of a client's session says, but for what the runner finds out itself. */
export type ClientSessionEvent = SessionEvent<ClientSessionTypes>;

/** Runs the machines of clients' sessions: applies events to them, and carries out their effects. */
export interface ClientSessionRunner {
  /** Applies an event to a session. */
  dispatch(session: ClientSessionRecord, event: ClientSessionEvent): void;
  /** A connection gets a session. */
  match(
    client: ClientConnection,
    sessionId: string,
    match: {
      readonly assignment: ClientSessionTypes['assignment'];
      readonly message: ClientSessionTypes['message'];
      readonly earlierSession: SessionRecord | undefined;
    },
  ): void;
  /**
   * A connection repeated a request whose session has ended. It is told so, and, if the host reverses the end, that the session is alive.
   *
   * @returns false if a connection of this broker has the session: nobody was told
   */
  findEnd(
    client: ClientConnection,
    sessionId: string,
    end: Pick<Extract<ClientSessionEvent, { readonly type: 'end_found' }>, 'assignment' | 'reason'>,
  ): boolean;
  /** This broker received the present state of a session, of its clients or not. */
  receiveChange(regionPool: RegionPool, session: SessionRecord): void;
}
