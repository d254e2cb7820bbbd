/** Milliseconds by a monotonic clock that all threads share: `performance.now()` starts at 0 in every thread. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
