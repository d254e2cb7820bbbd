import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { waitUntil } from '../../support/time/eventually.js';

/** Several times the time that a busy machine needs for the measured matches. */
const MEASURE_DEADLINE_MS = 30_000;

/** Options of `startMatchProbe`. */
export interface ProbeOptions {
  readonly urls: readonly string[];
  /** Region in which the probe has a host of its own. */
  readonly region: string;
  readonly players: number;
  /**
   * Time between the end of a session and the player's next request. At least 120 ms: each session takes two messages, and the
   * broker closes the connection of a client that sends more than 20 a second on average.
   */
  readonly pauseMs: number;
}

/** A few players with a steady load, in a thread of their own so that the test's work does not delay them. */
export interface MatchProbe {
  /** Sorted match times in milliseconds since the last call. Throws when a player lost its connection. */
  takeTimes(): number[];
  /** Waits for this number of matches from now on. Returns their sorted times. */
  measure(matches: number): Promise<number[]>;
  stop(): Promise<void>;
}

/** Starts the thread. It plays until `stop`. */
export function startMatchProbe(options: ProbeOptions): MatchProbe {
  const worker = new Worker(new URL('./match-probe-worker.js', import.meta.url), { workerData: options });
  let took: number[] = [];
  let lost = false;
  worker.on('message', (message: number | 'lost') => {
    if (message === 'lost') lost = true;
    else took.push(message);
  });
  const exited = once(worker, 'exit');
  exited.catch(() => undefined);
  const takeTimes = (): number[] => {
    if (lost) throw new Error('A player of the probe lost its connection, so its times include a reconnect.');
    const taken = took.sort((a, b) => a - b);
    took = [];
    return taken;
  };
  return {
    takeTimes,
    async measure(matches) {
      took = [];
      await waitUntil(() => lost || took.length >= matches, MEASURE_DEADLINE_MS);
      return takeTimes();
    },
    async stop() {
      worker.postMessage('stop');
      await exited;
    },
  };
}

/**
 * The value below which this share of the values lies.
 *
 * @param sorted values in ascending order
 */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
