import { randomFillSync, randomUUID } from 'node:crypto';
import { systemClock as platformClock, systemRandom } from '@duskline/sdk-runtime';
import type { RandomSource, Runtime, ServerClock } from './runtime.js';

/** The clock, timers and event loop of this process. */
export const systemClock: ServerClock = {
  ...platformClock,
  setBackgroundTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
  runNextTurn: (callback) => void setImmediate(callback),
  runAfterCallbacks: (callback) => process.nextTick(callback),
};

/** The random numbers of this machine. */
const systemRandomSource: RandomSource = {
  number: systemRandom,
  fill: (bytes) => void randomFillSync(bytes),
  uuid: () => randomUUID(),
};

/** What this machine provides. Only the files that put a server together, and commands, import it. */
export const systemRuntime: Runtime = { clock: systemClock, random: systemRandomSource };
