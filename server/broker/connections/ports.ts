import type { ArrivalLimiter } from './arrival-limiter.js';
import type { ConnectionDirectory, DisconnectedSession } from './connections.js';
import type { ExpiringRecords } from './expiring-records.js';

/** The clients and hosts of this broker. */
export interface Connections {
  readonly connections: ConnectionDirectory;
  /**
   * Sessions of clients whose sockets were lost. The store knows all of them; the broker needs its own record only when
   * the store loses its memory. Kept for as long as the player may reconnect, and bounded in number.
   */
  readonly disconnectedSessions: ExpiringRecords<DisconnectedSession>;
  /** Limits how many returning clients are served in one turn of the event loop, so that connected clients do not wait for them. */
  readonly arrivalLimiter: ArrivalLimiter;
}
