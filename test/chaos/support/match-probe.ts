import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { waitUntil } from '../../support/eventually.js';

/** Several times what a loaded machine needs for the matches that the tests measure. */
const MEASURE_DEADLINE_MS = 30_000;

export interface ProbeOptions {
  readonly urls: readonly string[];
  /** Where the probe has a host of its own. */
  readonly region: string;
  readonly players: number;
  /**
   * Between the end of a session and the player's next request. A round is two messages, and a client may send 20 a
   * second on average: 120 ms at least, or the broker closes the connection.
   */
  readonly pauseMs: number;
}

/** Steady plays of a few players in a thread of their own: what the test's own work costs does not count. */
export interface MatchProbe {
  /** Match times in milliseconds since the last time they were taken, sorted. */
  take(): number[];
  /** Waits for this many matches from now on. Returns their times, sorted. */
  measure(matches: number): Promise<number[]>;
  stop(): Promise<void>;
}

export function startMatchProbe(options: ProbeOptions): MatchProbe {
  const worker = new Worker(new URL('./match-probe-worker.js', import.meta.url), { workerData: options });
  let took: number[] = [];
  let lost = false;
  worker.on('message', (said: number | 'lost') => {
    if (said === 'lost') lost = true;
    else took.push(said);
  });
  const exited = once(worker, 'exit');
  exited.catch(() => undefined);
  const take = (): number[] => {
    if (lost)
      throw new Error('a player of the probe lost its connection: its times are not those of a match');
    const taken = took.sort((a, b) => a - b);
    took = [];
    return taken;
  };
  return {
    take,
    async measure(matches) {
      took = [];
      await waitUntil(() => lost || took.length >= matches, MEASURE_DEADLINE_MS);
      return take();
    },
    async stop() {
      worker.postMessage('stop');
      await exited;
    },
  };
}

/** @param sorted in rising order */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
