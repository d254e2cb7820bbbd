/** What the SDK knows of time. Replaceable, so that tests move the clock instead of waiting. */
export interface HostClock {
  /** Milliseconds that only ever rise, from any start: for deadlines and silences. */
  monotonicMs(): number;
  /** Milliseconds since 1970: only for the expiry that stands in a ticket. */
  wallMs(): number;
  /** Calls back once, after `delayMs`; the answer takes the timer back. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The computer's own time. Its timers keep the process alive. */
export const systemClock: HostClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
