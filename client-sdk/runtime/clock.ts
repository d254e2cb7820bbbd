/** What the SDK knows of time. Replaceable, so that tests move the clock instead of waiting. */
export interface Clock {
  /** Milliseconds, for ages and spans. */
  nowMs(): number;
  /** Calls back once, after `delayMs`; the answer takes the timer back. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The device's own time. Counts the hours a device sleeps, so a measurement is not fresh after a journey. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
