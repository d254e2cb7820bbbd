/**
 * Loaded before the program of a measured process (`node --import`): tells what only the process itself can see of it.
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

/** How late the event loop was, in milliseconds. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Fine enough for delays of milliseconds, coarse enough to be no load. */
const RESOLUTION_MS = 2;

/** What was freed is given back to the system by then. */
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
    if (histogram === undefined) throw new Error('nobody watches the delay');
    histogram.disable();
    const { max } = histogram;
    // What it records is the time between two of its timers: their interval is no delay.
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
    if (inspector === undefined) throw new Error('no profile was started');
    const { profile } = await inspector.post('Profiler.stop');
    inspector.disconnect();
    await writeFile(file, JSON.stringify(profile));
  },
  async memory(): Promise<Memory> {
    if (global.gc === undefined) throw new Error('node was started without --expose-gc');
    for (let round = 0; round < 3; round += 1) {
      churn();
      // Compacts, and gives back what it can.
      await global.gc({ type: 'major', execution: 'async', flavor: 'last-resort' });
      await delay(REST_MS / 3);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heapUsed, external };
  },
});

/** Goes once through the young generation, so that all of it is resident before and after. */
function churn(): void {
  const kept: object[] = [];
  for (let i = 0; i < 1_000_000; i += 1) kept[i % 1_000] = { i };
}
