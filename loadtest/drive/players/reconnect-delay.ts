const BASE_MS = 1_000;
const MAX_MS = 10_000;

/** The client SDK's delays: full jitter, the bound doubles. What a broker asks for is added. */
export function reconnectDelayMs(attempt: number, random: () => number, retryAfterMs = 0): number {
  return retryAfterMs + random() * Math.min(MAX_MS, BASE_MS * 2 ** attempt);
}
