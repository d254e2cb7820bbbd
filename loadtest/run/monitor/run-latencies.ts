import { SAMPLE_TIMINGS, type WorkerTick } from '../../drive/worker-messages.js';
import { LatencyHistogram, LatencyRecorder, type Latency } from '../../report/latency-recorder.js';
import type { TimingName } from '../../plan/assertions.js';

interface PhaseLatencies {
  /** From the scheduled arrival to the match. */
  readonly match: LatencyHistogram;
  /** From the scheduled arrival to the moment when the load test handled it. */
  readonly lag: LatencyHistogram;
}

/** Latencies that the workers measured: of the whole run, and of each phase. */
export class RunLatencies {
  readonly #ofRun = new LatencyRecorder();
  readonly #ofPhases: PhaseLatencies[] = [];

  /**
   * Adds the samples of a tick.
   *
   * @param onMatch called for each match, with the time for which the arrival was scheduled
   */
  addSamples(samples: WorkerTick['samples'], onMatch: (dueMs: number, tookMs: number) => void): void {
    for (let i = 0; i < samples.length; i += 4) {
      const name = SAMPLE_TIMINGS[samples[i] ?? 0] ?? 'lag';
      const [phase = 0, dueMs = 0, tookMs = 0] = [samples[i + 1], samples[i + 2], samples[i + 3]];
      this.#ofRun.record(name, tookMs);
      if (name === 'match' || name === 'lag') this.ofPhase(phase)[name].record(tookMs);
      if (name === 'match') onMatch(dueMs, tookMs);
    }
  }

  ofPhase(index: number): PhaseLatencies {
    return (this.#ofPhases[index] ??= { match: new LatencyHistogram(), lag: new LatencyHistogram() });
  }

  summarise(): Readonly<Record<TimingName, Latency>> {
    return this.#ofRun.summarise();
  }
}
