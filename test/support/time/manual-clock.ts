/** A clock that only `advance` moves. */
export interface ManualClock {
  now(): number;
  advance(ms: number): void;
}

/** Thirteen digits, like present times. */
const START_AT_MS = 1_800_000_000_000;

/** Creates a clock that stands at a fixed time. */
export function createManualClock(): ManualClock {
  let nowMs = START_AT_MS;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}
