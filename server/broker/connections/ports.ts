import type { ArrivalLimiter } from './arrival-limiter.js';
import type { ConnectionDirectory, DisconnectedSession } from './connections.js';
import type { ExpiringRecords } from './expiring-records.js';

/** The connected clients and hosts of this broker. */
export interface Connections {
  readonly connections: ConnectionDirectory;
  /**
   * Sessions of clients that disconnected, kept for `resumeWindowMs` and bounded in number. The store has these sessions too;
   * the broker needs its own records to restore them when the store loses its data.
   */
  readonly disconnectedSessions: ExpiringRecords<DisconnectedSession>;
  /** Limits how many reconnecting clients one turn of the event loop processes, so that connected clients need not wait. */
  readonly arrivalLimiter: ArrivalLimiter;
}
