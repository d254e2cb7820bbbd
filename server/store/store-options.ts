import type { BackOff } from '../domain/host-failures.js';

/** The part of the configuration that a store needs. Durations are in milliseconds. */
export interface StoreOptions {
  /** A host that is silent for longer gets no new session, even before a sweep marks it. */
  readonly suspectAfterMs: number;
  /** How long an offer to a waiting entry stays open. 15 s when absent. */
  readonly offerMs?: number;
  /** A `disconnected` session ends with `reconnect_expired` after this long. 120 s when absent. */
  readonly resumeWindowMs?: number;
  /** How long hosts that fail new sessions are excluded. `DEFAULT_BACK_OFF` when absent. */
  readonly backOff?: BackOff;
}

export const DEFAULT_OFFER_MS = 15_000;
export const DEFAULT_RESUME_WINDOW_MS = 120_000;

/**
 * The rate at which slots become free is a moving average: a measurement over the last `t` milliseconds has the weight
 * `t / (t + RATE_MEMORY_MS)`.
 */
export const RATE_MEMORY_MS = 30_000;
