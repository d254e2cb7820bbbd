import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** Parses `90s`, `30m`, `2h` or `7d` to milliseconds; returns `undefined` for any other text. */
export function parseDurationMs(text: string): number | undefined {
  const parts = /^(?<count>[0-9]{1,9})(?<unit>[smhd])$/.exec(text)?.groups;
  return parts === undefined ? undefined : Number(parts['count']) * UNIT_MS[parts['unit'] as Unit];
}

/** A commander parser for a duration within bounds. */
export function durationArgument(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms === undefined) {
      throw new InvalidArgumentError('It must be a whole number and a unit, such as 90s, 30m or 2h.');
    }
    if (ms < minMs || ms > maxMs) {
      throw new InvalidArgumentError(
        `It must be between ${formatInLargestUnit(minMs)} and ${formatInLargestUnit(maxMs)}.`,
      );
    }
    return ms;
  };
}

/** Formats a duration in the largest unit that divides it. */
function formatInLargestUnit(ms: number): string {
  const units = Object.entries(UNIT_MS).reverse();
  const [unit, unitMs] = units.find(([, size]) => ms % size === 0) ?? ['s', UNIT_MS.s];
  return `${Math.ceil(ms / unitMs)}${unit}`;
}
