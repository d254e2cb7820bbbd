import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNIT_MS;

/** `90s`, `30m`, `2h` or `7d` in milliseconds; `undefined` for what is written in another way. */
export function parseDurationMs(text: string): number | undefined {
  const parts = /^(?<count>[0-9]{1,9})(?<unit>[smhd])$/.exec(text)?.groups;
  return parts === undefined ? undefined : Number(parts['count']) * UNIT_MS[parts['unit'] as Unit];
}

/** Reads an option that is a duration within bounds; commander prints what was wrong with it. */
export function durationArgument(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms === undefined) {
      throw new InvalidArgumentError('It must be a whole number and a unit, such as 90s, 30m or 2h.');
    }
    if (ms < minMs || ms > maxMs) {
      throw new InvalidArgumentError(`It must be between ${asDuration(minMs)} and ${asDuration(maxMs)}.`);
    }
    return ms;
  };
}

/** In the largest unit that divides it. */
function asDuration(ms: number): string {
  const units = Object.entries(UNIT_MS).reverse();
  const [unit, unitMs] = units.find(([, size]) => ms % size === 0) ?? ['s', UNIT_MS.s];
  return `${Math.ceil(ms / unitMs)}${unit}`;
}
