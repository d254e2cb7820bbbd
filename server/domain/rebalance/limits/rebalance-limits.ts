/** Limits of every plan of moves. Shares are shares of one host: 0 is idle, 1 is full. Times are in milliseconds. */
export interface RebalanceLimits {
  /** A host whose load is above this share for `hotHeartbeats` heartbeats in a row is hot. */
  readonly hotAbove: number;
  /** A hot host stays hot until its load is below this share. Well below `hotAbove`, so that a host does not flap. */
  readonly coolBelow: number;
  /** Heartbeats in a row above `hotAbove` that make a host hot. */
  readonly hotHeartbeats: number;
  /** No session is moved onto a host whose congestion is above this share. A drain has a cap of its own. */
  readonly moveCap: number;
  /**
   * A chain of two moves may use a slot that its own first move frees on a host above `moveCap`, if that host's congestion
   * without the session that left is at most this share: one session leaves, one arrives, the load stays the same. With the
   * value of `moveCap`, chains through full region pools are impossible.
   */
  readonly freedSlotCap: number;
  /** Budget of live moves: moves per session and hour, over all sessions of the region. */
  readonly movesPerSessionHour: number;
  /** Unused moves accumulate for this long. */
  readonly budgetWindowMs: number;
  /** Minimum burst size of the move budget. Without it a small fleet could never relieve a hot host. */
  readonly minBurstMoves: number;
  /** Moves from and to one host at a time. */
  readonly maxMovesPerHost: number;
  /** A session that was moved less than this time ago is not moved again, so that no session moves back and forth. */
  readonly cooldownMs: number;
  /** Failed moves in a row that put a host into quarantine. */
  readonly quarantineAfterFailures: number;
  /** Duration of the first quarantine of a host. It doubles with each further one, up to `quarantineMaxMs`. */
  readonly quarantineMs: number;
  readonly quarantineMaxMs: number;
  /**
   * When at least this share of a region's hosts is suspect at once, a fault of the broker or its network is more likely
   * than a fault of the hosts, so nothing is moved.
   */
  readonly suspectShareLimit: number;
  /** In a region with fewer hosts, `suspectShareLimit` does not apply: half of two hosts is one host. */
  readonly suspectMinHosts: number;
}

/**
 * Defaults of the rebalancer. `suspectShareLimit` and `suspectMinHosts` equal the limits of mass silence
 * (`host-silence.ts`).
 */
export const DEFAULT_REBALANCE_LIMITS: RebalanceLimits = {
  hotAbove: 0.9,
  coolBelow: 0.8,
  hotHeartbeats: 3,
  moveCap: 0.7,
  freedSlotCap: 1,
  movesPerSessionHour: 0.5,
  budgetWindowMs: 120_000,
  minBurstMoves: 4,
  maxMovesPerHost: 2,
  cooldownMs: 600_000,
  quarantineAfterFailures: 3,
  quarantineMs: 600_000,
  quarantineMaxMs: 7_200_000,
  suspectShareLimit: 0.5,
  suspectMinHosts: 3,
};
