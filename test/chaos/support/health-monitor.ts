import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { pauseFor } from '../../support/time/pacing.js';

/** Health and readiness of broker processes, as a supervisor observes them. */
export interface HealthMonitor {
  /** Number of requests to `/healthz` that failed. */
  readonly unhealthy: number;
  /** For each broker, whether its last `/readyz` succeeded. */
  readonly ready: readonly boolean[];
  stop(): void;
}

const INTERVAL_MS = 100;

/** Polls `/healthz` and `/readyz` of each broker, and records each change of readiness. */
export function monitorHealth({ record }: Recorder, urls: readonly string[]): HealthMonitor {
  const ready: boolean[] = urls.map(() => true);
  const stopped = new AbortController();
  let unhealthy = 0;
  const succeeds = async (url: string): Promise<boolean> => {
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
      const [isHealthy, isReady] = await Promise.all([succeeds(`${url}/healthz`), succeeds(`${url}/readyz`)]);
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
