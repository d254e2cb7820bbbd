/**
 * A thread that posts the scheduled time of each match when it is due. Timers of an event loop are up to a millisecond late,
 * which would be a large part of the measured times.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { nowMicros } from './clock.js';

/** Options of the thread. */
export interface RateTimerOptions {
  readonly perSecond: number;
  /** By `nowMicros`. */
  readonly fromMicros: number;
  readonly untilMicros: number;
}

const { perSecond, fromMicros, untilMicros } = workerData as RateTimerOptions;
const never = new Int32Array(new SharedArrayBuffer(4));

// Exponential gaps: a Poisson process.
const gap = (): number => (-Math.log(1 - Math.random()) * 1e6) / perSecond;

for (let dueMicros = fromMicros + gap(); dueMicros < untilMicros; dueMicros += gap()) {
  const waitMicros = dueMicros - nowMicros();
  if (waitMicros > 0) Atomics.wait(never, 0, 0, waitMicros / 1_000);
  parentPort?.postMessage(dueMicros);
}
