import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';

/**
 * Keeps the first call of a kind from the store, or its answer from the broker, until the returned function is called.
 *
 * @param part whether the store makes the call late, or answers it late
 */
export function holdFirst(store: MemoryStore, call: keyof MemoryStore, part: 'call' | 'answer'): () => void {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const original = (store[call] as (...args: unknown[]) => Promise<unknown>).bind(store);
  let isFirst = true;
  const held = async (...args: unknown[]): Promise<unknown> => {
    if (!isFirst) return original(...args);
    isFirst = false;
    if (part === 'call') await released;
    const outcome = await original(...args);
    await released;
    return outcome;
  };
  Object.assign(store, { [call]: held });
  return release;
}
