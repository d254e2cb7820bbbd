import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { pauseFor } from '../../support/time/pacing.js';

/** What a supervisor would see of broker processes, all the time. */
export interface HealthMonitor {
  /** Answers of `/healthz` that were not good, or did not come. */
  readonly unhealthy: number;
  /** By broker, whether the last `/readyz` was good. */
  readonly ready: readonly boolean[];
  stop(): void;
}

const INTERVAL_MS = 100;

/** Asks `/healthz` and `/readyz` again and again, and puts each change of readiness on record. */
export function monitorHealth({ record }: Recorder, urls: readonly string[]): HealthMonitor {
  const ready: boolean[] = urls.map(() => true);
  const stopped = new AbortController();
  let unhealthy = 0;
  const asks = async (url: string): Promise<boolean> => {
    try {
      const response = await fetch(url, { signal: stopped.signal });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  };
  const monitor = async (url: string, i: number): Promise<void> => {
    for (;;) {
      const [isHealthy, isReady] = await Promise.all([asks(`${url}/healthz`), asks(`${url}/readyz`)]);
      if (stopped.signal.aborted) return;
      if (!isHealthy) unhealthy += 1;
      if (isReady !== ready[i]) record({ type: 'broker-ready', broker: url, ready: isReady });
      ready[i] = isReady;
      await pauseFor(INTERVAL_MS, stopped.signal);
    }
  };
  urls.forEach((url, i) => void monitor(url, i));
  return {
    get unhealthy() {
      return unhealthy;
    },
    ready,
    stop: () => stopped.abort(),
  };
}
