import { build, type Histogram } from 'hdr-histogram-js';
import { TIMING_NAMES, type TimingName } from '../plan/assertions.js';
import { roundToThousandth } from './round.js';

/** Summary of a distribution of durations, in milliseconds. `p999` is the 99.9th percentile. */
export interface Latency {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const MICROS_PER_MS = 1_000;
const HIGHEST_MICROS = 3_600_000_000;

/** A distribution of durations with a fixed relative precision. */
export class LatencyHistogram {
  readonly #micros: Histogram;
  /** Kept beside the histogram, which rounds it. */
  #maxMs = 0;

  /** @param digits significant digits: two take a tenth of the memory of three */
  constructor(digits: 2 | 3 = 3) {
    this.#micros = build({ autoResize: true, numberOfSignificantValueDigits: digits });
  }

  record(ms: number): void {
    this.#maxMs = Math.max(this.#maxMs, ms);
    this.#micros.recordValue(Math.min(HIGHEST_MICROS, Math.max(1, Math.round(ms * MICROS_PER_MS))));
  }

  percentileMs(percentile: number): number {
    // The histogram rounds up: without this bound a percentile could exceed the maximum.
    return Math.min(this.#maxMs, this.#micros.getValueAtPercentile(percentile) / MICROS_PER_MS);
  }

  summarise(): Latency {
    return {
      count: this.#micros.totalCount,
      mean: roundToThousandth(this.#micros.mean / MICROS_PER_MS),
      p50: roundToThousandth(this.percentileMs(50)),
      p90: roundToThousandth(this.percentileMs(90)),
      p99: roundToThousandth(this.percentileMs(99)),
      p999: roundToThousandth(this.percentileMs(99.9)),
      max: roundToThousandth(this.#maxMs),
    };
  }
}

/** The distribution of each timing of a run. */
export class LatencyRecorder {
  readonly #records = new Map<TimingName, LatencyHistogram>(
    TIMING_NAMES.map((name) => [name, new LatencyHistogram()]),
  );

  record(name: TimingName, ms: number): void {
    this.#records.get(name)?.record(ms);
  }

  summarise(): Readonly<Record<TimingName, Latency>> {
    return Object.fromEntries(
      [...this.#records].map(([name, record]) => [name, record.summarise()]),
    ) as Record<TimingName, Latency>;
  }
}
