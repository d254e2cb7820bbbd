declare const clockOfTheStore: unique symbol;

/**
 * A time by the clock of the store, in milliseconds since 1970. A number with a type of its own, so that it can be compared with
 * other times of the store only, since the clock of a broker may be ahead or behind by seconds.
 */
export interface StoreMs {
  readonly [clockOfTheStore]: true;
}

/** The time that a number of the store stands for. */
export function toStoreMs(unixMs: number): StoreMs {
  return unixMs as unknown as StoreMs;
}

/** The number that stands for a time of the store, to store it or to show it. */
export function toUnixMs(at: StoreMs): number {
  return at as unknown as number;
}

/** Milliseconds from one time of the store to another; negative if the second is before the first. */
export function msBetween(from: StoreMs, to: StoreMs): number {
  return toUnixMs(to) - toUnixMs(from);
}

/** The time `ms` milliseconds later. */
export function addMs(at: StoreMs, ms: number): StoreMs {
  return toStoreMs(toUnixMs(at) + ms);
}
