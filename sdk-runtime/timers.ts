/** One-shot timers. Tests replace them, to advance time instead of waiting. */
export interface Timers {
  /**
   * Calls `callback` once, after `delayMs` milliseconds.
   *
   * @returns a function that cancels the timer
   */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The platform's timers. In Node they keep the process alive. */
export const systemTimers: Timers = {
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
