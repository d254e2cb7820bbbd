import { systemTimers, type Timers } from '@duskline/sdk-runtime';

/** The time source of the SDK. Tests replace it, to advance time instead of waiting. */
export interface Clock extends Timers {
  /** Milliseconds, for ages and durations. */
  nowMs(): number;
}

/** The device's clock. It advances while the device sleeps, so a measurement made before a journey counts as old. */
export const systemClock: Clock = { nowMs: () => Date.now(), ...systemTimers };
