const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Formats a time relative to another one: `in 12 min`, `3 min ago`, `now`. Both in milliseconds since 1970. */
export function formatRelativeTime(atMs: number, nowMs: number): string {
  const words = formatRoughly(Math.abs(atMs - nowMs));
  if (words === undefined) return 'now';
  return atMs > nowMs ? `in ${words}` : `${words} ago`;
}

/** @returns the duration in one or two units; `undefined` for less than half a second */
function formatRoughly(ms: number): string | undefined {
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds === 0) return undefined;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < (2 * DAY_MS) / MINUTE_MS) {
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
  }
  return `${Math.round(ms / DAY_MS)} days`;
}
