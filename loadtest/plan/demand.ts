/**
 * How many players a region has at each local hour, relative to its daily mean: quiet before dawn, a long
 * climb, the peak at 20 to 21 h. The shape of a weekday in a single time zone.
 */
const WEEKDAY_SHAPE = [
  0.85, 0.59, 0.38, 0.3, 0.28, 0.3, 0.34, 0.43, 0.58, 0.72, 0.84, 0.94, 1.02, 1.1, 1.16, 1.22, 1.3, 1.4, 1.52,
  1.64, 1.7, 1.66, 1.45, 1.13,
];

/** Demand at a local hour over the daily mean, interpolated linearly between the hours. */
export function demandShare(localHour: number): number {
  const hour = Math.floor(localHour) % 24;
  const next = (hour + 1) % 24;
  const part = localHour - Math.floor(localHour);
  return (WEEKDAY_SHAPE[hour] ?? 1) * (1 - part) + (WEEKDAY_SHAPE[next] ?? 1) * part;
}

/** The busiest hour over the daily mean. */
export const PEAK_SHARE = Math.max(...WEEKDAY_SHAPE);

/** Session lengths: lognormal, truncated to 2 minutes up to 6 hours. */
const MEDIAN_MINUTES = 27.3;
const SIGMA = 1.18;
const MIN_MINUTES = 2;
const MAX_MINUTES = 360;

/** Mean of the truncated distribution, in minutes, found by simulation. */
export const MEAN_SESSION_MINUTES = 47.5;

/** Draws the length of a session, in minutes. */
export function drawSessionMinutes(random: () => number): number {
  const minutes = MEDIAN_MINUTES * Math.exp(SIGMA * drawNormal(random));
  return Math.min(MAX_MINUTES, Math.max(MIN_MINUTES, minutes));
}

/** Draws the time to the next arrival of a Poisson process, in the unit of `1 / rate`. */
export function drawArrivalInterval(rate: number, random: () => number): number {
  return -Math.log(1 - random()) / rate;
}

/** Draws a standard normal number (Box and Muller). */
export function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
