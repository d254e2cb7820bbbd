/**
 * Loaded before the program of a measured process (`node --import`): answers requests for figures that only the process
 * itself can measure.
 */
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { serveRequests } from './process-requests.js';

/** Resident and heap memory in bytes. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** The delay of the event loop, in milliseconds. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Fine enough for delays of milliseconds, and coarse enough to cause no load. */
const RESOLUTION_MS = 2;

/** By then freed memory has been returned to the system. */
const REST_MS = 1_500;

/** Fine enough to see functions of microseconds. */
const PROFILE_MICROS = 250;

let inspector: Session | undefined;
let histogram: IntervalHistogram | undefined;

serveRequests({
  watchDelay() {
    histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
  },
  readDelay(): LoopDelay {
    if (histogram === undefined) throw new Error('The delay is not measured: request watchDelay first.');
    histogram.disable();
    const { max } = histogram;
    // The histogram records the time between two timers, which contains their interval.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    return {
      p50Ms: late(histogram.percentile(50)),
      p99Ms: late(histogram.percentile(99)),
      maxMs: late(max),
    };
  },
  async startProfile(): Promise<void> {
    inspector = new Session();
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.setSamplingInterval', { interval: PROFILE_MICROS });
    await inspector.post('Profiler.start');
  },
  async writeProfile(file: string): Promise<void> {
    if (inspector === undefined) throw new Error('No profile is running: request startProfile first.');
    const { profile } = await inspector.post('Profiler.stop');
    inspector.disconnect();
    await writeFile(file, JSON.stringify(profile));
  },
  async memory(): Promise<Memory> {
    if (global.gc === undefined) throw new Error('Node was started without --expose-gc.');
    for (let round = 0; round < 3; round += 1) {
      churn();
      // Compacts the heap, and returns free memory to the system.
      await global.gc({ type: 'major', execution: 'async', flavor: 'last-resort' });
      await delay(REST_MS / 3);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heapUsed, external };
  },
});

/** Allocates through the whole young generation, so that all of it is resident in each measurement. */
function churn(): void {
  const kept: object[] = [];
  for (let i = 0; i < 1_000_000; i += 1) kept[i % 1_000] = { i };
}
