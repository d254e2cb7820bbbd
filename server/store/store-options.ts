/** What a store has to know of the configuration. Durations are in milliseconds. */
export interface StoreOptions {
  /** A host silent for longer gets no new session, even before a sweep has seen it. */
  readonly suspectAfterMs: number;
  /** How long a slot is held for a waiting placement whose turn came. 15 s when absent. */
  readonly offerMs?: number;
  /** A `disconnected` session ends with `reconnect_expired` after so long. 120 s when absent. */
  readonly resumeWindowMs?: number;
  /**
   * Milliseconds since 1970, in place of the store's own clock: for simulations and model tests, where
   * time has to pass as told. Redis's own clock decides when absent.
   */
  readonly clock?: () => number;
}

export const DEFAULT_OFFER_MS = 15_000;
export const DEFAULT_RESUME_WINDOW_MS = 120_000;

/**
 * How fast slots become free is a moving average: what was measured `t` milliseconds ago counts about half when
 * `t` is this.
 */
export const RATE_MEMORY_MS = 30_000;
