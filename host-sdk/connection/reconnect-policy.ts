import type { BackoffOptions, ReconnectPolicy as Policy, RetryProgress } from '@duskline/sdk-runtime';
import { createBackoff } from '@duskline/sdk-runtime';
import type { ConnectionFailure } from './connection-failure.js';

/** What a reconnect policy can base its decision on. */
export interface RetryContext extends RetryProgress {
  /** Why the last attempt or connection ended. */
  readonly failure: ConnectionFailure;
}

/** Decides when to connect again. `null` gives up and closes the host. Not called after a failure that rules out a retry. */
export type ReconnectPolicy = Policy<RetryContext>;

/**
 * The default policy: exponential back-off with full jitter. `baseMs` is 500, `maxMs` is 15000, and the number of retries is
 * not limited, because hosts run unattended.
 */
export function createBackoffPolicy(options: BackoffOptions = {}): ReconnectPolicy {
  return createBackoff(options, { baseMs: 500, maxMs: 15_000 }, Math.floor);
}
