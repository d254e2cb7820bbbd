/** What a store has to know of the configuration. Durations are in milliseconds. */
export interface StoreOptions {
  /** A host silent for longer gets no new session, even before a sweep has seen it. */
  readonly suspectAfterMs: number;
  /**
   * Milliseconds since 1970, in place of the store's own clock: for simulations and model tests, where
   * time has to pass as told. Redis's own clock decides when absent.
   */
  readonly clock?: () => number;
}
