import { systemRandom, type Random } from './clock.js';

/** How the connection attempts have gone so far. */
export interface RetryProgress {
  /** Retries since the last stable connection: 0 before the first retry. */
  readonly retryCount: number;
  /** Milliseconds since the connection was lost, or since the first attempt if there has been no connection yet. */
  readonly elapsedMs: number;
}

/** Decides when to connect again. It is not called after an error that rules out a retry. */
export interface ReconnectPolicy<Context extends RetryProgress> {
  /** Milliseconds until the next attempt, or `null` to give up. */
  nextRetryDelayInMs(context: Context): number | null;
}

/** Options of `createBackoffPolicy`, which documents the defaults. */
export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. */
  readonly baseMs?: number;
  /** Upper bound of every delay, in milliseconds. */
  readonly maxMs?: number;
  /** Number of retries before giving up. Default: no limit. */
  readonly maxRetries?: number;
  /** Default: the platform's. */
  readonly random?: Random;
}

/**
 * A policy of exponential back-off with full jitter: each delay is drawn uniformly between 0 and a bound that doubles with
 * each retry (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). The first delay is drawn too,
 * because all peers of a broker that dies notice it at the same moment.
 *
 * @param options what the application chose
 * @param defaults bounds that the application did not choose
 * @param toDelayMs turns a drawn number of milliseconds, with decimals, into the delay
 */
export function createBackoff<Context extends RetryProgress>(
  options: BackoffOptions,
  defaults: Required<Pick<BackoffOptions, 'baseMs' | 'maxMs'>>,
  toDelayMs: (drawnMs: number, context: Context) => number,
): ReconnectPolicy<Context> {
  const {
    baseMs = defaults.baseMs,
    maxMs = defaults.maxMs,
    maxRetries = Infinity,
    random = systemRandom,
  } = options;
  return {
    nextRetryDelayInMs(context) {
      if (context.retryCount >= maxRetries) return null;
      return toDelayMs(random() * Math.min(maxMs, baseMs * 2 ** context.retryCount), context);
    },
  };
}
