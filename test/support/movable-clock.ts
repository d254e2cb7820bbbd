/** A clock that stands until a test moves it. */
export interface MovableClock {
  now(): number;
  advance(ms: number): void;
}

/** Thirteen digits, like the real thing. */
const START_AT_MS = 1_800_000_000_000;

export function createMovableClock(): MovableClock {
  let nowMs = START_AT_MS;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}
