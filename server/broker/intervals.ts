/** Polling intervals and waiting times of a broker. They are not configurable; tests shorten them. */
export interface BrokerIntervals {
  /** How often the broker polls its inboxes: the longest delay that a lost wake-up causes. */
  readonly pollMs: number;
  /** How often the broker polls the queues of its clients. A little more than `positionMs`, so that every poll may send a position. */
  readonly queuePollMs: number;
  /** The shortest interval between two `queued` messages for one request. */
  readonly positionMs: number;
  /**
   * Minimum recovery time after the store was unreachable. Within this time after the first broker reconnects, every other
   * broker has reconnected, noticed the outage, and restored its sessions and requests: three steps of at most 1 s each.
   */
  readonly minRebuildMs: number;
  /**
   * Within this time after recording a request, a broker has reserved its slot, failed or died: twice the time in which the
   * store must answer.
   */
  readonly requestGraceMs: number;
  /** How long after its deadline a move may still be completed in the store. */
  readonly moveGraceMs: number;
}

export const DEFAULT_INTERVALS: BrokerIntervals = {
  pollMs: 1_000,
  queuePollMs: 1_020,
  positionMs: 1_000,
  minRebuildMs: 3_500,
  requestGraceMs: 4_000,
  moveGraceMs: 1_000,
};
