import { systemTimers, type Timers } from '@duskline/sdk-runtime';

/** The time source of the SDK. Tests replace it, to advance time instead of waiting. */
export interface HostClock extends Timers {
  /** Milliseconds from an arbitrary start; never decreases. For deadlines and intervals. */
  monotonicMs(): number;
  /** Milliseconds since 1970. Used only to check the expiry of tickets. */
  wallMs(): number;
}

/** The computer's clock and timers. */
export const systemClock: HostClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  ...systemTimers,
};
