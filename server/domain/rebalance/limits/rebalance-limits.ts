/** The bounds that plans of moves keep. Shares are of a host's congestion: 0 idle, 1 full. */
export interface RebalanceLimits {
  /** A host above this share for `hotBeats` heartbeats in a row is hot. */
  readonly hotAbove: number;
  /** A hot host below this share is not hot any more. Well under `hotAbove`, so that it does not go to and fro. */
  readonly coolBelow: number;
  readonly hotBeats: number;
  /** No session is moved onto a host above this share. Drains have a cap of their own. */
  readonly moveCap: number;
  /**
   * A slot that a chain frees on a host above `moveCap` may be taken by the step after it while the host is, without the
   * session that left, at most here: one goes, one comes, and the host bears what it bore. Equal to `moveCap`, it makes
   * chains over full places impossible.
   */
  readonly freedSlotCap: number;
  /** Live moves per session and hour, over the fleet. */
  readonly movesPerSessionHour: number;
  /** Unused moves can be saved up for so long. */
  readonly budgetSavedMs: number;
  /** So many can be saved up in any case: else a small fleet could not relieve one host. */
  readonly budgetFloor: number;
  /** Moves from and to one host at a time. */
  readonly maxMovesPerHost: number;
  /** A session that was moved less than so long ago stays where it is: nothing goes to and fro. */
  readonly cooldownMs: number;
  /** After so many failed moves in a row a host is left alone. */
  readonly quarantineAfter: number;
  /** For so long; twice as long each time it happens again, up to `quarantineMaxMs`. */
  readonly quarantineMs: number;
  readonly quarantineMaxMs: number;
  /** From this share of a region's hosts on being suspect, the fault is more likely ours: nothing is moved. */
  readonly unwellShare: number;
  /** In a region with fewer hosts "half of them" says nothing. */
  readonly unwellMinHosts: number;
}

/** What holds where nothing else is said. The last two are as for mass silence (`silence.ts`). */
export const DEFAULT_REBALANCE_LIMITS: RebalanceLimits = {
  hotAbove: 0.9,
  coolBelow: 0.8,
  hotBeats: 3,
  moveCap: 0.7,
  freedSlotCap: 1,
  movesPerSessionHour: 0.5,
  budgetSavedMs: 120_000,
  budgetFloor: 4,
  maxMovesPerHost: 2,
  cooldownMs: 600_000,
  quarantineAfter: 3,
  quarantineMs: 600_000,
  quarantineMaxMs: 7_200_000,
  unwellShare: 0.5,
  unwellMinHosts: 3,
};
