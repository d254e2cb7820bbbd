import type { FleetStore } from '@duskline/server/store/fleet-store.js';

/** The store calls that a broker makes for a play request. Loops of the broker make some of them, too. */
const REQUEST_CALLS = [
  'recordRequests',
  'findRequests',
  'reserve',
  'enqueue',
  'startAttempt',
  'acceptOffer',
  'replaceLiveRequest',
  'resumeLiveRequest',
  'setRequestPool',
  'setClientBroker',
  'getSessions',
  'getEndpoints',
  'withdrawEntries',
] as const satisfies readonly (keyof FleetStore)[];

/** While the call with this number is under way: before the store carries it out, or before the broker gets the answer. */
export interface StoreStep {
  readonly call: number;
  readonly when: 'before' | 'after';
}

/** What `interfereAt` returns. */
export interface Interference {
  /** Whether the call was made, so that `interfere` ran. */
  readonly hasRun: () => boolean;
  /** Makes the stores work as before. */
  readonly remove: () => void;
}

/** Runs `interfere` once while a certain call of a play request is under way. Counts the calls from now on. */
export function interfereAt(
  stores: readonly FleetStore[],
  step: StoreStep,
  interfere: () => Promise<void>,
): Interference {
  let calls = 0;
  let hasRun = false;
  const restorers: (() => void)[] = [];
  for (const store of stores) {
    for (const name of REQUEST_CALLS) {
      const original = store[name];
      const carryOut = original as (...args: unknown[]) => Promise<unknown>;
      const call = async (...args: unknown[]): Promise<unknown> => {
        const isDue = calls === step.call;
        calls += 1;
        if (!isDue) return carryOut.apply(store, args);
        hasRun = true;
        if (step.when === 'before') await interfere();
        const result = await carryOut.apply(store, args);
        if (step.when === 'after') await interfere();
        return result;
      };
      Object.assign(store, { [name]: call });
      restorers.push(() => Object.assign(store, { [name]: original }));
    }
  }
  return {
    hasRun: () => hasRun,
    remove: () => {
      for (const restore of restorers) restore();
    },
  };
}
