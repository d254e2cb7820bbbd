/** How long a placement will wait, most likely between these two, in milliseconds. */
export interface WaitEstimate {
  readonly low: number;
  readonly high: number;
}

/** How far the two ends stand from the middle, in standard deviations: about 80 % of waits end between them. */
const SPREAD = 1.28;

/** Nobody is told of waits beyond a day: the rate behind them is noise. */
const MAX_ESTIMATE_MS = 86_400_000;

/**
 * When the turn of a placement comes, if slots become free at random at a steady rate (a Poisson process): the time
 * to the n-th event has mean `n / rate` and standard deviation `√n / rate` (the Erlang distribution).
 *
 * @param ahead how many stand before it
 * @param freedPerMs slots that become free per millisecond; `null` or 0 while nothing is known
 * @returns rounded to two digits, so that it does not change with every breath; `undefined` when nothing is known
 */
export function estimateWait(ahead: number, freedPerMs: number | null): WaitEstimate | undefined {
  if (freedPerMs === null || !(freedPerMs > 0)) return undefined;
  const turns = ahead + 1;
  const mean = turns / freedPerMs;
  const spread = (SPREAD * Math.sqrt(turns)) / freedPerMs;
  if (mean > MAX_ESTIMATE_MS) return undefined;
  return { low: roundEstimate(Math.max(0, mean - spread)), high: roundEstimate(mean + spread) };
}

/** Two significant digits, and no finer than a second. */
function roundEstimate(ms: number): number {
  const step = Math.max(1_000, 10 ** (Math.floor(Math.log10(Math.max(ms, 1))) - 1));
  return Math.round(ms / step) * step;
}
