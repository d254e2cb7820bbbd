import type { ConnectionFailure } from './connection-failure.js';

/** What a policy may look at. */
export interface RetryContext {
  /** Retries since the last connection that held: 0 before the first one. */
  readonly retryCount: number;
  /** Milliseconds since the connection was lost, or since the first attempt when there never was one. */
  readonly elapsedMs: number;
  /** What ended the last attempt. */
  readonly failure: ConnectionFailure;
}

/** Decides when to try again. It is never asked after a failure that forbids a retry. */
export interface ReconnectPolicy {
  /** Milliseconds until the next attempt, or `null` to give up for good. */
  nextRetryDelayInMs(context: RetryContext): number | null;
}

export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. Default 500. */
  readonly baseMs?: number;
  /** Upper bound of every delay, in milliseconds. Default 15000. */
  readonly maxMs?: number;
  /** Retries before giving up. Default: never gives up, for a host with nobody at its console. */
  readonly maxRetries?: number;
  /** From 0 up to 1, without 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Exponential back-off with full jitter: each delay is drawn evenly from 0 up to the bound, and the bound
 * doubles. The first retry is drawn as well: when a broker dies, all of its hosts notice in the same instant.
 */
export function createBackoffPolicy(options: BackoffOptions = {}): ReconnectPolicy {
  const { baseMs = 500, maxMs = 15_000, maxRetries = Infinity, random = Math.random } = options;
  return {
    nextRetryDelayInMs({ retryCount }) {
      if (retryCount >= maxRetries) return null;
      return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** retryCount));
    },
  };
}
