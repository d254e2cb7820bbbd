import type { DusklineError } from '../errors.js';

/** What a policy may look at. */
export interface RetryContext {
  /** Retries since the last connection that held: 0 before the first one. */
  readonly retryCount: number;
  /** Milliseconds since the connection was lost, or since the first attempt when there never was one. */
  readonly elapsedMs: number;
  /** What ended the last attempt. */
  readonly error: DusklineError;
}

/** Decides when to connect again. Never asked after an error that forbids it. */
export interface ReconnectPolicy {
  /** Milliseconds until the next attempt, or `null` to give up: the client is closed then. */
  nextRetryDelayInMs(context: RetryContext): number | null;
}

export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. Default 1000. */
  readonly baseMs?: number;
  /** Upper bound of every delay, in milliseconds. Default 10000. */
  readonly maxMs?: number;
  /** Retries before giving up. Default: never, for a player's place must not depend on a short outage. */
  readonly maxRetries?: number;
  /** From 0 up to 1, without 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Exponential back-off with full jitter: each delay is drawn evenly from 0 up to the bound, and the bound
 * doubles. The first retry is drawn as well: when a broker dies, all of its players notice in the same instant.
 * Where the broker said when to come back, the draw is added to that.
 */
export function createBackoffPolicy(options: BackoffOptions = {}): ReconnectPolicy {
  const { baseMs = 1_000, maxMs = 10_000, maxRetries = Infinity, random = Math.random } = options;
  return {
    nextRetryDelayInMs({ retryCount, error }) {
      if (retryCount >= maxRetries) return null;
      const drawn = random() * Math.min(maxMs, baseMs * 2 ** retryCount);
      return Math.round((error.retryAfterMs ?? 0) + drawn);
    },
  };
}
