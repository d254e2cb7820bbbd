import type { Random } from '@duskline/sdk-runtime';

/**
 * A deterministic generator (mulberry32 by Tommy Ettinger, public domain). Only for simulation, not for secrets.
 *
 * @param seed any integer, of which the lowest 32 bits are used
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

/** A seed computed from a text (FNV-1a, 32 bits), so that each host of a fleet has its own. */
export function deriveSeed(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
