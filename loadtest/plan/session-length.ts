import { drawNormal } from './demand.js';

/** Standard deviation of the logarithm: many short sessions, a few very long ones. */
const SIGMA = 1.18;

/** Sessions are cut at so many times the mean, which lowers the mean by less than 1 %. */
export const LONGEST_IN_MEANS = 20;

/** Draws the length of a session, in milliseconds: lognormal with this mean, cut at `LONGEST_IN_MEANS`. */
export function drawSessionMs(meanMs: number, random: () => number): number {
  const ms = meanMs * Math.exp(SIGMA * drawNormal(random) - SIGMA ** 2 / 2);
  return Math.min(ms, meanMs * LONGEST_IN_MEANS);
}
