import type { ServerClock } from '@duskline/server/runtime/runtime.js';

/** The same clock, with a wall time that is wrong by this. */
export function aheadOf(clock: ServerClock, aheadMs: number): ServerClock {
  return {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs() + aheadMs,
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    setBackgroundTimer: (callback, delayMs) => clock.setBackgroundTimer(callback, delayMs),
    runNextTurn: (callback) => clock.runNextTurn(callback),
    runAfterCallbacks: (callback) => clock.runAfterCallbacks(callback),
  };
}
