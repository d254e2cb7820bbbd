import type { ExpiringRecords } from '../connections/expiring-records.js';
import type { WaitingRequest, WaitingRequests } from './waiting-requests.js';

/** The play requests of this broker's clients that wait in queues. */
export interface Requests {
  readonly waitingRequests: WaitingRequests;
  /** Waiting requests whose clients' sockets were lost, kept for as long as their queue positions last. */
  readonly disconnectedRequests: ExpiringRecords<WaitingRequest>;
}
