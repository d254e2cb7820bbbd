import type { StoreMs } from '../domain/store-time.js';
import type { DrainStore } from './contracts/drains.js';
import type { HostStore } from './contracts/hosts.js';
import type { InboxStore } from './contracts/inbox.js';
import type { LeaseStore } from './contracts/leases.js';
import type { MoveStore } from './contracts/moves.js';
import type { QueueStore } from './contracts/queue.js';
import type { RequestStore } from './contracts/requests.js';
import type { SessionStore } from './contracts/sessions.js';

export * from './contracts/drains.js';
export * from './contracts/hosts.js';
export * from './contracts/inbox.js';
export * from './contracts/leases.js';
export * from './contracts/moves.js';
export * from './contracts/queue.js';
export * from './contracts/requests.js';
export * from './contracts/session-record.js';
export * from './contracts/sessions.js';
export * from './contracts/store-unavailable-error.js';

/**
 * Everything that two brokers could decide differently. One call is one atomic step in one region pool; a call that takes
 * a list gives exactly the results of single calls in that order.
 *
 * All times are the store's own (`StoreMs`): no broker compares them with its clock. `callerId` is the calling broker: a change that concerns the
 * caller itself is not put into its inbox.
 *
 * Methods reject with `StoreUnavailableError` when the store cannot be reached. Whether the step took effect is then
 * unknown; every step except `useToken` is safe to repeat.
 *
 * Every method works without `this`, so that a caller may pass it on by itself.
 */
export interface FleetStore
  extends RequestStore, HostStore, SessionStore, QueueStore, MoveStore, DrainStore, InboxStore, LeaseStore {
  readonly kind: 'memory' | 'redis';

  /** The store's time: deadlines are judged by it. */
  getTimeMs(): Promise<StoreMs>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /**
   * Names the memory that holds the state: while the name is the same, the store has lost nothing, whatever failed meanwhile. A
   * Redis that was restarted or emptied, or a replica that became the primary, has another name. `null` when the store cannot tell.
   */
  getMemoryId(): Promise<string | null>;
  close(): Promise<void>;
}
