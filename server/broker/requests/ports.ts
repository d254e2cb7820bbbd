import type { ExpiringRecords } from '../expiring-records.js';
import type { WaitingRequest, WaitingRequests } from './waiting-requests.js';

/** Waiting play requests: of connected clients, and of clients that disconnected. */
export interface Requests {
  readonly waitingRequests: WaitingRequests;
  /** Waiting requests of clients that disconnected, kept for `queueGraceMs` like their queue positions. */
  readonly disconnectedRequests: ExpiringRecords<WaitingRequest>;
}
