/** Maximum number of typing errors. With three, the name was probably another one. */
const MAX_DISTANCE = 2;

/** The name that was probably meant: the nearest by Levenshtein distance, ignoring case; `null` if none is near. */
export function nearestName(written: string, names: readonly string[]): string | null {
  let nearest: string | null = null;
  let least = MAX_DISTANCE + 1;
  for (const name of names) {
    const errors = distance(written.toLowerCase(), name.toLowerCase());
    if (errors < least && errors < name.length) {
      nearest = name;
      least = errors;
    }
  }
  return nearest;
}

function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_DISTANCE) return MAX_DISTANCE + 1;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitute = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
