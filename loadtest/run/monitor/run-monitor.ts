import { monotonicMs } from '../../drive/clock.js';
import type { HostSnapshot, WorkerTick } from '../../drive/worker-messages.js';
import type { WorkerPool } from '../../drive/workers/worker-pool.js';
import type { BrokerFleet } from '../../fleet/broker-fleet.js';
import type { Bounds } from '../../history/check.js';
import type { HistoryEvent } from '../../history/events.js';
import type { UntimedEvent } from '../../history/recorder.js';
import type { JudgedLevel, LoadLevel } from '../../plan/saturation-point.js';
import type { InjectedFault, MeasuredRun } from '../../report/load-report.js';
import { Timeline } from '../../report/timeline.js';
import { VerdictBuilder } from '../../report/verdict.js';
import type { ServedFleet } from '../plan-workers.js';
import type { RunOptions } from '../run-options.js';
import { createMeasuredRun } from './measured-run.js';
import { OwnCpuMeter } from './own-cpu-meter.js';
import { SAMPLE_INTERVAL_MS, ProcessSampler } from './process-sampler.js';
import { ProgressTracker, type LoadPeriod } from './progress-tracker.js';
import { RunLatencies } from './run-latencies.js';
import { mergeCounts, sumAllPhases, sumPhase, type LatestTicks } from './worker-totals.js';

const PROGRESS_INTERVAL_MS = 250;
const MAX_TIMELINE_POINTS = 600;

/** A stepped load of unknown length is expected to have about so many levels. */
const EXPECTED_LEVELS = 8;

/** On a machine that is loaded to its limit the load test sees events late, too. */
const SLACK_MS = 2_000;

export interface MonitorContext {
  readonly servedFleet: ServedFleet;
  /** Brokers that the run started itself; absent when it loads brokers that run already. */
  readonly brokers: BrokerFleet | undefined;
  readonly bounds: Partial<Bounds>;
}

/**
 * Collects the measurements of a run: what the workers report in their ticks, and what it samples itself of the brokers'
 * processes and of its own. Reports progress meanwhile, and the result at the end.
 */
export class RunMonitor {
  levels: readonly JudgedLevel[] = [];
  /** Whether every request was answered and every session was in place at the end. */
  settled = false;
  readonly #options: RunOptions;
  readonly #context: MonitorContext;
  readonly #startedAt = new Date();
  readonly #verdict: VerdictBuilder;
  readonly #latencies = new RunLatencies();
  readonly #progress: ProgressTracker;
  readonly #processes: ProcessSampler | undefined;
  readonly #ownCpu = new OwnCpuMeter();
  readonly #timers: NodeJS.Timeout[] = [];
  #pool: WorkerPool | undefined;
  #timeline: Timeline | undefined;
  #loadStartAtMs = 0;
  #loadEndAtMs: number | undefined;
  #ownEvents: HistoryEvent[] = [];
  #mostConnected = 0;

  constructor(options: RunOptions, context: MonitorContext) {
    const { workers, clients } = options;
    const { brokers, bounds } = context;
    this.#options = options;
    this.#context = context;
    this.#progress = new ProgressTracker(clients);
    this.#processes = brokers === undefined ? undefined : new ProcessSampler(brokers);
    // One source of events for each worker, and one for the run itself: faults, and the snapshot at the end.
    this.#verdict = new VerdictBuilder(workers + 1, { slackMs: SLACK_MS, ...bounds });
  }

  get connectionErrors(): Readonly<Record<string, number>> {
    return mergeCounts(this.#ticks, (counts) => counts.connectionErrors);
  }

  /** Starts to sample and to report progress. */
  attachPool(pool: WorkerPool): void {
    this.#pool = pool;
    this.#timers.push(setInterval(() => this.#reportProgress(), PROGRESS_INTERVAL_MS));
    if (this.#processes !== undefined) {
      this.#timers.push(setInterval(() => void this.#sampleProcesses(), SAMPLE_INTERVAL_MS));
    }
  }

  /** @param load present while arrivals are scheduled; the first stage without it ends the load */
  setStage(stage: string, load?: LoadPeriod): void {
    this.#progress.setStage(stage, load);
    if (load === undefined && this.#timeline !== undefined) this.#endLoad();
  }

  /** @param startAtMs when the first arrival is due, by the monotonic clock */
  startLoad(startAtMs: number): void {
    const { profile, durationMs } = this.#options;
    const expectedMs = profile === 'step' ? durationMs * EXPECTED_LEVELS : durationMs;
    this.#timeline = new Timeline(startAtMs, Math.max(1_000, Math.ceil(expectedMs / MAX_TIMELINE_POINTS)));
    this.#loadStartAtMs = startAtMs;
    this.#ownCpu.start();
  }

  /** Adds an event that the run itself caused or saw to the history. */
  record(seen: UntimedEvent): void {
    this.#ownEvents.push({ atMs: monotonicMs(), ...seen });
  }

  handleTick(worker: number, tick: WorkerTick): void {
    this.#verdict.addEvents(worker, tick.events, tick.atMs);
    this.#checkOwnEvents(monotonicMs());
    this.#latencies.addSamples(tick.samples, (dueMs, tookMs) => {
      this.#progress.recordMatch(tookMs);
      this.#timeline?.recordMatch(dueMs, tookMs);
    });
  }

  /** Figures of one level of a stepped load, as far as they are known now. */
  measureLevel(index: number, ratePerSecond: number, durationMs: number): LoadLevel {
    const { offered, noClientFree, answered, matchedAtOnce } = sumPhase(this.#ticks, index);
    const { match, lag } = this.#latencies.ofPhase(index);
    return {
      ...{ ratePerSecond, durationMs, offered, noClientFree, answered },
      matched: matchedAtOnce,
      p99Ms: match.percentileMs(99),
      lagP99Ms: lag.percentileMs(99),
    };
  }

  /** Adds the sessions of all hosts at the end of the run to the history. */
  recordHostSnapshots(hosts: readonly HostSnapshot[]): void {
    const { slots } = this.#options;
    this.record({
      type: 'fleet',
      quiet: this.settled,
      hosts: hosts.map(({ name, sessions }) => {
        const [region = '', pool = ''] = name.split('/');
        const held = sessions.map((session) => ({ ...session, state: 'connected' as const }));
        return { host: name, region, pool, state: 'ready', slots, committed: held.length, sessions: held };
      }),
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async finish(faults: readonly InjectedFault[]): Promise<MeasuredRun> {
    this.#endLoad();
    await this.#sampleProcesses();
    this.stop();
    this.#checkOwnEvents(Infinity);
    const { servedFleet, brokers } = this.#context;
    return createMeasuredRun(this.#options, servedFleet, this.#ticks, {
      startedAt: this.#startedAt,
      loadedMs: (this.#loadEndAtMs ?? monotonicMs()) - this.#loadStartAtMs,
      mostConnected: this.#mostConnected,
      times: this.#latencies.summarise(),
      levels: this.levels,
      verdict: this.#verdict.finish(this.settled, this.#pool?.gauges.vanished ?? 0),
      brokers: this.#processes?.summariseBrokers() ?? [],
      redis: this.#processes?.summariseRedis(),
      crashed: brokers?.crashed ?? [],
      ownCpuShare: this.#ownCpu.meanShare,
      faults,
      timelineIntervalMs: this.#timeline?.intervalMs ?? this.#options.durationMs,
      timeline: this.#timeline?.read() ?? [],
    });
  }

  get #ticks(): LatestTicks {
    return this.#pool?.ticks ?? [];
  }

  /** @param untilMs every earlier event of the run itself is known */
  #checkOwnEvents(untilMs: number): void {
    const events = this.#ownEvents;
    this.#ownEvents = [];
    this.#verdict.addEvents(this.#options.workers, events, untilMs);
  }

  #endLoad(): void {
    if (this.#loadEndAtMs !== undefined) return;
    this.#loadEndAtMs = monotonicMs();
    this.#ownCpu.stop(this.#loadEndAtMs);
  }

  #reportProgress(): void {
    if (this.#pool === undefined) return;
    const { gauges } = this.#pool;
    const nowMs = monotonicMs();
    const totals = sumAllPhases(this.#ticks);
    this.#mostConnected = Math.max(this.#mostConnected, gauges.connected);
    this.#timeline?.recordSample(nowMs, totals, gauges.playing, this.#processes?.latest ?? {});
    this.#options.onProgress?.(this.#progress.read(nowMs, totals, gauges));
  }

  async #sampleProcesses(): Promise<void> {
    await this.#processes?.sample(() => this.#loadStartAtMs !== 0 && this.#loadEndAtMs === undefined);
  }
}
