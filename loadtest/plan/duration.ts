const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** Parses `500ms`, `2.5s` or `3m` to milliseconds; returns `undefined` for any other text. */
export function parseDurationMs(text: string): number | undefined {
  const parts = /^(?<count>\d{1,7}(?:\.\d{1,3})?)(?<unit>ms|s|m)$/.exec(text)?.groups;
  return parts === undefined ? undefined : Number(parts['count']) * UNIT_MS[parts['unit'] as Unit];
}

/** Formats milliseconds for people: `430 ms`, `2.5 s`, `12 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms < 100 ? Number(ms.toPrecision(3)) : Math.round(ms)} ms`;
  return `${ms < 10_000 ? Number((ms / 1_000).toFixed(2)) : Math.round(ms / 1_000)} s`;
}
