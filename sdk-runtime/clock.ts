/**
 * Time and timers of an SDK or server. Tests and simulations replace them, to move time instead of waiting for it. The platform's are
 * used in this file of the SDKs only; the linter checks that.
 */
export interface Clock {
  /** Milliseconds from an arbitrary start; never decreases. For durations, deadlines and intervals. */
  monotonicMs(): number;
  /** Milliseconds since 1970. It may jump, and it advances while the device sleeps, which `monotonicMs` may not. */
  wallMs(): number;
  /**
   * Calls `callback` once, after `delayMs` milliseconds.
   *
   * @returns a function that cancels the timer
   */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** Returns a number from 0 to 1, excluding 1. */
export type Random = () => number;

/** The platform's clock and timers. In Node, timers keep the process alive. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Spreads delays, and makes ids that differ from each other. No secret may be made of it. */
export const systemRandom: Random = () => Math.random();
