/** Milliseconds by the one monotonic clock of the machine: `performance.now()` begins anew in every process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
