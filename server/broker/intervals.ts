/**
 * How often a broker looks by itself, and how long it gives others. No operator has a reason to change these, so they are
 * no part of the configuration; tests set them small.
 */
export interface BrokerIntervals {
  /** What a wake-up announces is also found by looking, at the latest this much later. */
  readonly pollMs: number;
  /** For the queues in which clients of this broker wait. A little more than `positionMs`, so that every look may notify. */
  readonly queuePollMs: number;
  /** A client is notified of its position in the queue at most this often. */
  readonly positionMs: number;
  /**
   * After the store was away: so long after the first broker, every other one has reached the store again, noticed it, and
   * given back whose the sessions and requests are. A reconnect, a look and a check, each of them a second at most.
   */
  readonly minRebuildMs: number;
  /** After its deadline a move may still be on its way into the store for this long. */
  readonly moveGraceMs: number;
}

export const DEFAULT_INTERVALS: BrokerIntervals = {
  pollMs: 1_000,
  queuePollMs: 1_020,
  positionMs: 1_000,
  minRebuildMs: 3_500,
  moveGraceMs: 1_000,
};
