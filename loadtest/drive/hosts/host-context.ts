import type { WorkerMetrics } from '../worker-metrics.js';
import type { TimerWheel } from '../timer-wheel.js';

/** What a host needs of the worker that it is in. */
export interface HostContext {
  readonly urls: readonly string[];
  readonly metrics: WorkerMetrics;
  readonly wheel: TimerWheel;
  readonly random: () => number;
}
