/** Numbers from 0 up to 1, without 1. */
export type Random = () => number;

/**
 * A generator whose numbers follow from the seed alone (mulberry32, public domain, Tommy Ettinger). For
 * simulation: nothing that has to be secret may come from it.
 *
 * @param seed any integer; only its lowest 32 bits count
 */
export function createSeededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed that follows from a text, so that each host of a fleet gets its own (FNV-1a, 32 bits). */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
