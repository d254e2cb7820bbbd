import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../domain/catalog.js';
import type { HostFailureReason } from '../domain/host-failures.js';

/** Receives what a broker counts and measures. The metrics of the server implement it, so that the broker needs no metrics library. */
export interface BrokerObserver {
  /**
   * @param tookMs from the `play` frame to the `matched` frame
   * @param waited whether the request waited in a queue: `tookMs` then says nothing about the speed of the broker
   */
  requestMatched(regionPool: RegionPool, rank: number, tookMs: number, waited: boolean): void;
  requestRefused(code: ErrorCode): void;
  sessionEnded(regionPool: RegionPool, reason: EndReason): void;
  hostLost(regionPool: RegionPool): void;
  /** A host failed a session that was reserved on it, and is excluded from placement for a while. */
  hostFailed(regionPool: RegionPool, reason: HostFailureReason): void;
  /** A recount of slots found wrong counters on this many hosts. Anything above 0 is a bug. */
  countersRepaired(regionPool: RegionPool, hosts: number): void;
  /** @param tookMs from the start of the move until the session is on its target host, or until the move failed */
  moveEnded(regionPool: RegionPool, outcome: 'moved' | 'failed', tookMs: number): void;
  /** A host failed so many moves that the host is excluded from moves for a while. */
  hostQuarantined(): void;
  storeFailed(): void;
}
