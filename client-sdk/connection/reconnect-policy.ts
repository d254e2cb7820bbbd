import type { BackoffOptions, ReconnectPolicy as Policy, RetryProgress } from '@duskline/sdk-runtime';
import { createBackoff } from '@duskline/sdk-runtime';
import type { DusklineError } from '../errors.js';

/** What a reconnect policy can base its decision on. */
export interface RetryContext extends RetryProgress {
  /** The error that ended the last attempt. */
  readonly error: DusklineError;
}

/** Decides when to connect again. `null` gives up and closes the client. Not called after an error that rules out a retry. */
export type ReconnectPolicy = Policy<RetryContext>;

/**
 * The default policy: exponential back-off with full jitter. `baseMs` is 1000, `maxMs` is 10000, and the number of retries is
 * not limited, because a player must not lose the position in a queue to a short outage.
 *
 * If the broker named a time to wait (`error.retryAfterMs`), the drawn delay is added to it.
 */
export function createBackoffPolicy(options: BackoffOptions = {}): ReconnectPolicy {
  return createBackoff(options, { baseMs: 1_000, maxMs: 10_000 }, (drawnMs, { error }) =>
    Math.round((error.retryAfterMs ?? 0) + drawnMs),
  );
}
