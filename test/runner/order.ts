import { nameOf } from './test-files.js';
import type { FileTime } from './file-times.js';

/**
 * Sorts files by duration, the longest first, so that no worker runs a long file alone at the end. Files without a recorded
 * time come first, in their order.
 */
export function longestFirst(files: readonly string[], times: ReadonlyMap<string, FileTime>): string[] {
  const wallMs = (file: string): number => times.get(nameOf(file))?.wallMs ?? Infinity;
  return [...files].sort((a, b) => (wallMs(a) === wallMs(b) ? 0 : wallMs(b) - wallMs(a)));
}

/** Shuffles files. The same seed gives the same order. */
export function shuffled(files: readonly string[], seed: number): string[] {
  const next = createRandom(seed);
  const keyed = files.map((file) => ({ file, key: next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ file }) => file);
}

/** Mulberry32 by Tommy Ettinger, which is sufficient for a shuffle. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
