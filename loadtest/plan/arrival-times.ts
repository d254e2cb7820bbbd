import { drawArrivalInterval } from './demand.js';

export interface ArrivalOptions {
  /** At the highest, in arrivals a second. */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Share of the highest rate at a moment, 0 to 1. Default: always 1. */
  readonly shareAt?: (atMs: number) => number;
  readonly random: () => number;
}

/**
 * The moments of a Poisson process, in milliseconds from its beginning, rising: drawn at the highest rate and thinned
 * where it is lower. They follow from `random` alone, and from nothing that happens meanwhile: an open loop.
 */
export function* generateArrivalTimes({
  ratePerSecond,
  durationMs,
  shareAt = () => 1,
  random,
}: ArrivalOptions): Generator<number, undefined> {
  for (let atMs = 0; ;) {
    atMs += drawArrivalInterval(ratePerSecond, random) * 1_000;
    if (!(atMs < durationMs)) return undefined;
    const share = shareAt(atMs);
    if (share >= 1 || random() < share) yield atMs;
  }
}
