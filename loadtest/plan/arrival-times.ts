import { drawArrivalInterval } from './demand.js';

export interface ArrivalOptions {
  /** The highest rate, in arrivals a second. */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Share of the highest rate at a time, 0 to 1. Default: always 1. */
  readonly shareAt?: (atMs: number) => number;
  readonly random: () => number;
}

/**
 * Generates the times of a Poisson process in ascending order, in milliseconds from its start: drawn at the highest rate and
 * thinned (Lewis and Shedler) where the rate is lower. The times depend on `random` only, not on answers of brokers: an
 * open loop.
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
