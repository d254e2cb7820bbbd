const BASE_MS = 1_000;
const MAX_MS = 10_000;

/** The delays of the client SDK: full jitter with a bound that doubles, plus the delay that the broker requested. */
export function reconnectDelayMs(attempt: number, random: () => number, retryAfterMs = 0): number {
  return retryAfterMs + random() * Math.min(MAX_MS, BASE_MS * 2 ** attempt);
}
