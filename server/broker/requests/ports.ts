import type { ExpiringRecords } from '../connections/expiring-records.js';
import type { PlayerTurns } from './player-turns.js';
import type { WaitingRequest, WaitingRequests } from './waiting-requests.js';

/** Play requests under way: those that wait, of connected clients and of clients that disconnected, and takeovers. */
export interface Requests {
  readonly waitingRequests: WaitingRequests;
  /** Waiting requests of clients that disconnected, kept for `queueGraceMs` like their queue positions. */
  readonly disconnectedRequests: ExpiringRecords<WaitingRequest>;
  /** Requests that end another one of their player, one at a time for each player. */
  readonly takeovers: PlayerTurns;
}
