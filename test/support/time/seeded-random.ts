import type { RandomSource } from '@duskline/server/runtime/runtime.js';

/** Random numbers that are the same for the same seed (mulberry32). */
export function createSeededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const nextWord = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
  const fill = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = nextWord();
  };
  return {
    number: () => nextWord() / 2 ** 32,
    fill,
    uuid() {
      const bytes = new Uint8Array(16);
      fill(bytes);
      const hex = Buffer.from(bytes).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
}
