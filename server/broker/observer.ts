import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../domain/catalog.js';

/** What a broker counts and measures. Metrics implement it; the broker knows no metrics library. */
export interface BrokerObserver {
  /**
   * @param tookMs from the `play` frame to the `matched` frame
   * @param waited in a queue: the time is its player's, not the broker's
   */
  requestMatched(place: RegionPool, rank: number, tookMs: number, waited: boolean): void;
  requestRefused(code: ErrorCode): void;
  sessionEnded(place: RegionPool, reason: EndReason): void;
  hostLost(place: RegionPool): void;
  /** Counters that a recount had to repair: should stay 0 for ever. */
  countersRepaired(place: RegionPool, hosts: number): void;
  /** @param tookMs from the order to the arrival, or to the refusal */
  moveEnded(place: RegionPool, outcome: 'moved' | 'failed', tookMs: number): void;
  /** A host failed so many moves that it is left out of them for a while. */
  hostQuarantined(): void;
  storeFailed(): void;
}
