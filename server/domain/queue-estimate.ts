/** Range of the expected wait in a queue, in milliseconds from now. About 80 % of waits end within it. */
export interface WaitEstimate {
  readonly low: number;
  readonly high: number;
}

/** Half width of the range in standard deviations: the 80 % interval of a normal distribution. */
const SPREAD = 1.28;

/** There is no estimate of waits beyond a day: so low a rate is noise. */
const MAX_ESTIMATE_MS = 86_400_000;

/**
 * Estimates how long a request waits, if slots become free as a Poisson process: the time until the n-th slot follows the
 * Erlang distribution, with mean `n / rate` and standard deviation `√n / rate`.
 *
 * @param ahead number of requests before it in the queue
 * @param freedPerMs slots that become free per millisecond; `null` or 0 while unknown
 * @returns rounded to two significant digits, so that it changes seldom; `undefined` if there is no estimate
 */
export function estimateWait(ahead: number, freedPerMs: number | null): WaitEstimate | undefined {
  if (freedPerMs === null || !(freedPerMs > 0)) return undefined;
  const slotsNeeded = ahead + 1;
  const mean = slotsNeeded / freedPerMs;
  const spread = (SPREAD * Math.sqrt(slotsNeeded)) / freedPerMs;
  if (mean > MAX_ESTIMATE_MS) return undefined;
  return { low: roundEstimate(Math.max(0, mean - spread)), high: roundEstimate(mean + spread) };
}

/** Rounds to two significant digits, but not finer than a second. */
function roundEstimate(ms: number): number {
  const step = Math.max(1_000, 10 ** (Math.floor(Math.log10(Math.max(ms, 1))) - 1));
  return Math.round(ms / step) * step;
}
