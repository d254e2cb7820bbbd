import type { WorkerMetrics } from '../worker-metrics.js';
import type { TimerWheel } from '../timer-wheel.js';

/** What a host uses of its worker. */
export interface HostContext {
  readonly urls: readonly string[];
  readonly metrics: WorkerMetrics;
  readonly wheel: TimerWheel;
  readonly random: () => number;
}
