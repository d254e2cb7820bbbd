import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface ProbeOptions {
  readonly urls: readonly string[];
  /** Where the probe has a host of its own. */
  readonly region: string;
  readonly players: number;
  /** Between the end of a session and the player's next request. */
  readonly pauseMs: number;
}

/** Steady plays of a few players in a thread of their own: what the test's own work costs does not count. */
export interface MatchProbe {
  /** Match times in milliseconds since the last time they were taken, sorted. */
  take(): number[];
  stop(): Promise<void>;
}

export function startMatchProbe(options: ProbeOptions): MatchProbe {
  const worker = new Worker(new URL('./match-probe-worker.js', import.meta.url), { workerData: options });
  let took: number[] = [];
  worker.on('message', (ms: number) => took.push(ms));
  const exited = once(worker, 'exit');
  exited.catch(() => undefined);
  return {
    take() {
      const taken = took.sort((a, b) => a - b);
      took = [];
      return taken;
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
