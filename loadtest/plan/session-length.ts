import { drawNormal } from './demand.js';

/** Spread of the logarithm, as of real sessions: many short ones, a few that are very long. */
const SIGMA = 1.18;

/** Nothing lasts longer than so many means; that takes less than a hundredth off the mean. */
export const LONGEST_IN_MEANS = 20;

/** How long one session lasts, in milliseconds: lognormal with this mean, cut at twenty times of it. */
export function drawSessionMs(meanMs: number, random: () => number): number {
  const ms = meanMs * Math.exp(SIGMA * drawNormal(random) - SIGMA ** 2 / 2);
  return Math.min(ms, meanMs * LONGEST_IN_MEANS);
}
