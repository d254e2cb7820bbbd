import type { FleetStore } from '@duskline/server/store/fleet-store.js';

/** Runs `interfere` once, before or after a store carries out the next call of a verb. */
export function interfereOnce(
  store: FleetStore,
  verb: 'giveSession' | 'enqueue' | 'reserve' | 'startAttempt',
  when: 'before' | 'after',
  interfere: () => Promise<void>,
): void {
  const original = store[verb];
  const carryOut = original as (...args: unknown[]) => Promise<unknown>;
  const call = async (...args: unknown[]): Promise<unknown> => {
    Object.assign(store, { [verb]: original });
    if (when === 'before') await interfere();
    const result = await carryOut.apply(store, args);
    if (when === 'after') await interfere();
    return result;
  };
  Object.assign(store, { [verb]: call });
}
