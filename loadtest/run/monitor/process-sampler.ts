import { monotonicMs } from '../../drive/clock.js';
import type { BrokerFleet } from '../../fleet/broker-fleet.js';
import { readProcessUsage, type ProcessUsage } from '../../fleet/process-usage.js';
import type { ProcessUsageSummary } from '../../report/load-report.js';
import { roundToThousandth } from '../../report/round.js';
import type { TimelinePoint } from '../../report/timeline.js';

/** Time between two samples, in milliseconds. */
export const SAMPLE_INTERVAL_MS = 1_000;

/** Name of the Redis process among the names of the brokers. */
const REDIS = 'redis';

interface Sample {
  readonly usage: ProcessUsage;
  readonly atMs: number;
}

/** Samples CPU and memory of the brokers that the run started, and of its Redis. */
export class ProcessSampler {
  readonly #fleet: Pick<BrokerFleet, 'brokers' | 'redis'>;
  readonly #previousSamples = new Map<number, Sample>();
  readonly #underLoad = new Map<string, { readonly cpu: number[]; memoryMaxBytes: number }>();
  #latest: TimelinePoint['processes'] = {};

  constructor(fleet: Pick<BrokerFleet, 'brokers' | 'redis'>) {
    this.#fleet = fleet;
  }

  /** CPU share since the sample before, and memory, by process name. */
  get latest(): TimelinePoint['processes'] {
    return this.#latest;
  }

  /** @param isUnderLoad whether the sample counts for the summaries */
  async sample(isUnderLoad: () => boolean): Promise<void> {
    const latest: Record<string, { cpu: number; memoryBytes: number }> = {};
    for (const { name, pid } of this.#processes()) {
      const usage = pid === undefined ? undefined : await readProcessUsage(pid);
      if (pid === undefined || usage === undefined) continue;
      const atMs = monotonicMs();
      const previous = this.#previousSamples.get(pid);
      this.#previousSamples.set(pid, { usage, atMs });
      // Over a short time the CPU share would be rounded to whole clock ticks of the kernel.
      if (previous === undefined || atMs - previous.atMs < SAMPLE_INTERVAL_MS / 2) continue;
      const cpu = roundToThousandth((usage.cpuMs - previous.usage.cpuMs) / (atMs - previous.atMs));
      latest[name] = { cpu, memoryBytes: usage.memoryBytes };
      if (isUnderLoad()) this.#addToSummary(name, cpu, usage.memoryBytes);
    }
    this.#latest = latest;
  }

  /** Usage of each broker while the run was under load. */
  summariseBrokers(): ProcessUsageSummary[] {
    return this.#summarise().filter(({ name }) => name !== REDIS);
  }

  /** Usage of Redis while the run was under load; `undefined` for a Redis that the run did not start. */
  summariseRedis(): ProcessUsageSummary | undefined {
    return this.#summarise().find(({ name }) => name === REDIS);
  }

  #processes(): readonly { readonly name: string; readonly pid?: number | undefined }[] {
    return [...this.#fleet.brokers, { name: REDIS, ...this.#fleet.redis }];
  }

  #addToSummary(name: string, cpu: number, memoryBytes: number): void {
    const known = this.#underLoad.get(name) ?? { cpu: [], memoryMaxBytes: 0 };
    this.#underLoad.set(name, known);
    known.cpu.push(cpu);
    known.memoryMaxBytes = Math.max(known.memoryMaxBytes, memoryBytes);
  }

  #summarise(): ProcessUsageSummary[] {
    return [...this.#underLoad].map(([name, { cpu, memoryMaxBytes }]) => ({
      name,
      cpuMean: roundToThousandth(cpu.reduce((sum, share) => sum + share, 0) / Math.max(1, cpu.length)),
      cpuMax: Math.max(0, ...cpu),
      memoryMaxBytes,
    }));
  }
}
