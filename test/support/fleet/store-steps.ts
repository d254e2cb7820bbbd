import { StoreUnavailableError, type FleetStore } from '@duskline/server/store/fleet-store.js';

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
  return interceptCall(stores, step.call, async (carryOut) => {
    if (step.when === 'before') await interfere();
    const result = await carryOut();
    if (step.when === 'after') await interfere();
    return result;
  });
}

/** Fails a certain call of a play request, before the store carries it out or after that. Counts the calls from now on. */
export function failAt(stores: readonly FleetStore[], step: StoreStep): Interference {
  return interceptCall(stores, step.call, async (carryOut) => {
    if (step.when === 'after') await carryOut();
    throw new StoreUnavailableError('The test lets this call fail.');
  });
}

/** Lets all calls to the stores fail until the returned function is called. */
export function startOutage(stores: readonly FleetStore[]): () => void {
  const restorers = stores.flatMap((store) =>
    Object.entries(store).flatMap(([name, original]: [string, unknown]) => {
      if (typeof original !== 'function' || name === 'close' || name === 'sendWakeUp') return [];
      const fail = async (): Promise<never> => {
        throw new StoreUnavailableError('The test lets all calls fail.');
      };
      Object.assign(store, { [name]: fail });
      return [() => Object.assign(store, { [name]: original })];
    }),
  );
  return () => {
    for (const restore of restorers) restore();
  };
}

function interceptCall(
  stores: readonly FleetStore[],
  interceptedCall: number,
  intercept: (carryOut: () => Promise<unknown>) => Promise<unknown>,
): Interference {
  let calls = 0;
  let hasRun = false;
  const restorers: (() => void)[] = [];
  for (const store of stores) {
    for (const name of REQUEST_CALLS) {
      const original = store[name];
      const carryOut = original as (...args: unknown[]) => Promise<unknown>;
      const call = async (...args: unknown[]): Promise<unknown> => {
        const isDue = calls === interceptedCall;
        calls += 1;
        if (!isDue) return carryOut.apply(store, args);
        hasRun = true;
        return intercept(() => carryOut.apply(store, args));
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
