import { monotonicMs } from '../../drive/clock.js';

/** Measures the CPU share of the load test's own process, with all its threads, while the load lasts. */
export class OwnCpuMeter {
  #start: { readonly atMs: number; readonly usage: NodeJS.CpuUsage } | undefined;
  #meanShare = 0;

  start(): void {
    this.#start = { atMs: monotonicMs(), usage: process.cpuUsage() };
  }

  /** @param endedAtMs by the monotonic clock */
  stop(endedAtMs: number): void {
    if (this.#start === undefined) return;
    const { user, system } = process.cpuUsage(this.#start.usage);
    this.#meanShare = (user + system) / 1_000 / Math.max(1, endedAtMs - this.#start.atMs);
  }

  /** Share of one processor, from `start` to `stop`; more than 1 when several processors were busy. */
  get meanShare(): number {
    return this.#meanShare;
  }
}
