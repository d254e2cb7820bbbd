import type { SessionRecord } from '../../store/fleet-store.js';
import type { ConnectLimiter } from './connect-limiter.js';
import type { ConnectionDirectory, DisconnectedSession, FailedHosts } from './connections.js';
import type { ExpiringRecords } from '../expiring-records.js';

/** The connected clients and hosts of this broker. */
export interface Connections {
  readonly connections: ConnectionDirectory;
  /**
   * Sessions of clients that disconnected, kept for `resumeWindowMs` and bounded in number. The store has these sessions too;
   * the broker needs its own records to restore them when the store loses its data.
   */
  readonly disconnectedSessions: ExpiringRecords<DisconnectedSession>;
  /** The hosts that lost or refused a session before its client claimed it, by session. */
  readonly failedHosts: ExpiringRecords<FailedHosts>;
  /** Sessions that were lost before the broker had sent `matched`, because their host is connected to another broker. */
  readonly earlyLosses: ExpiringRecords<SessionRecord>;
  /** Limits how many reconnecting clients one turn of the event loop processes, so that connected clients need not wait. */
  readonly connectLimiter: ConnectLimiter;
}
