import { monotonicMs } from '../drive/clock.js';
import {
  SAMPLE_TIMINGS,
  createPhaseCounts,
  type PhaseCounts,
  type HostSnapshot,
  type WorkerTick,
} from '../drive/workers/worker-messages.js';
import type { WorkerPool } from '../drive/workers/worker-pool.js';
import type { BrokerFleet } from '../fleet/broker-fleet.js';
import { readProcessUsage, type ProcessUsage } from '../fleet/process-usage.js';
import type { Bounds } from '../history/check.js';
import type { HistoryEvent } from '../history/events.js';
import type { UntimedEvent } from '../history/recorder.js';
import { findSaturationPoint, type JudgedLevel, type LoadLevel } from '../plan/saturation-point.js';
import { LatencyRecorder, LatencyHistogram } from '../report/latency-recorder.js';
import type { InjectedFault, MeasuredRun, ProcessUsageSummary } from '../report/load-report.js';
import { Timeline, type TimelinePoint, type Totals } from '../report/timeline.js';
import { VerdictBuilder } from '../report/verdict.js';
import type { Progress, RunOptions } from './run-options.js';
import { sessionMsOf, type ServedFleet } from './plan-workers.js';

const PROGRESS_MS = 250;
const USAGE_MS = 1_000;
const MAX_POINTS = 600;

/** What the run's own Redis is called among the brokers. */
const REDIS = 'redis';

/** On a machine that is loaded to its limit observers are slow, too. */
const SLACK_MS = 2_000;

export interface MonitorContext {
  readonly place: ServedFleet;
  readonly fleet: BrokerFleet | undefined;
  readonly bounds: Partial<Bounds>;
}

interface Load {
  readonly startAtMs: number;
  readonly durationMs: number;
}

/** Puts together what the workers tell, and what is seen of the brokers' processes. */
export class RunMonitor {
  levels: readonly JudgedLevel[] = [];
  /** Whether everything came to rest at the end. */
  settled = false;
  readonly #options: RunOptions;
  readonly #context: MonitorContext;
  readonly #verdict: VerdictBuilder;
  readonly #latencies = new LatencyRecorder();
  readonly #phases: { readonly match: LatencyHistogram; readonly lag: LatencyHistogram }[] = [];
  readonly #usage = new Map<string, { cpu: number[]; memoryMaxBytes: number }>();
  readonly #startedAt = new Date();
  readonly #timers: NodeJS.Timeout[] = [];
  #pool: WorkerPool | undefined;
  #timeline: Timeline | undefined;
  #beganAtMs = 0;
  #endedAtMs: number | undefined;
  #stage = '';
  #load: Load | undefined;
  #ownEvents: HistoryEvent[] = [];
  #recent = { matches: new LatencyHistogram(2), totals: { offered: 0, matched: 0 }, atMs: 0 };
  #currentRates = { offeredPerSecond: 0, matchedPerSecond: 0, p99Ms: undefined as number | undefined };
  #lastUsage = new Map<number, { readonly usage: ProcessUsage; readonly atMs: number }>();
  #processesNow: TimelinePoint['processes'] = {};
  #ownCpu: { readonly atMs: number; readonly usage: NodeJS.CpuUsage } | undefined;
  #ownCpuMean = 0;
  #connectedAtMost = 0;

  constructor(options: RunOptions, context: MonitorContext) {
    this.#options = options;
    this.#context = context;
    // The last source is the run itself: faults, and the picture at the end.
    this.#verdict = new VerdictBuilder(options.workers + 1, { slackMs: SLACK_MS, ...context.bounds });
  }

  get connectionErrors(): Readonly<Record<string, number>> {
    return this.#merged(({ counts }) => counts.connectionErrors);
  }

  attachPool(pool: WorkerPool): void {
    this.#pool = pool;
    this.#timers.push(setInterval(() => this.#reportProgress(), PROGRESS_MS));
    if (this.#context.fleet !== undefined) {
      this.#timers.push(setInterval(() => void this.#measureProcesses(), USAGE_MS));
    }
  }

  setStage(text: string, load?: Load): void {
    this.#stage = text;
    this.#load = load;
    if (load === undefined && this.#timeline !== undefined) this.#endLoad();
  }

  /** The load begins then. */
  startLoad(startAtMs: number): void {
    const { profile, durationMs } = this.#options;
    const expectedMs = profile === 'step' ? durationMs * 8 : durationMs;
    this.#timeline = new Timeline(startAtMs, Math.max(1_000, Math.ceil(expectedMs / MAX_POINTS)));
    this.#beganAtMs = startAtMs;
    this.#ownCpu = { atMs: monotonicMs(), usage: process.cpuUsage() };
  }

  record(seen: UntimedEvent): void {
    this.#ownEvents.push({ atMs: monotonicMs(), ...seen });
  }

  handleTick(worker: number, tick: WorkerTick): void {
    this.#verdict.addEvents(worker, tick.events, tick.atMs);
    const own = this.#ownEvents;
    this.#ownEvents = [];
    this.#verdict.addEvents(this.#options.workers, own, monotonicMs());
    const { samples } = tick;
    for (let i = 0; i < samples.length; i += 4) {
      const name = SAMPLE_TIMINGS[samples[i] ?? 0] ?? 'lag';
      const [phase = 0, dueMs = 0, tookMs = 0] = [samples[i + 1], samples[i + 2], samples[i + 3]];
      this.#latencies.record(name, tookMs);
      if (name === 'lag') this.#phase(phase).lag.record(tookMs);
      if (name !== 'match') continue;
      this.#phase(phase).match.record(tookMs);
      this.#recent.matches.record(tookMs);
      this.#timeline?.recordMatch(dueMs, tookMs);
    }
  }

  /** What came of one level, as far as it is known now. */
  measureLevel(index: number, ratePerSecond: number, durationMs: number): LoadLevel {
    const { offered, noClientFree, answered, matchedAtOnce } = this.#countsOf(index);
    const { match, lag } = this.#phase(index);
    return {
      ...{ ratePerSecond, durationMs, offered, noClientFree, answered },
      matched: matchedAtOnce,
      p99Ms: match.percentileMs(99),
      lagP99Ms: lag.percentileMs(99),
    };
  }

  /** What the hosts hold, when everything has come to rest. */
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
    await this.#measureProcesses();
    this.stop();
    this.#verdict.addEvents(this.#options.workers, this.#ownEvents, Infinity);
    const { place } = this.#context;
    const { target, clients, hosts, slots, durationMs } = this.#options;
    const gauges = this.#pool?.gauges;
    const totals = this.#totals();
    const loadedMs = (this.#endedAtMs ?? monotonicMs()) - this.#beganAtMs;
    const seconds = loadedMs / 1_000;
    const unanswered = totals.offered - totals.noClientFree - totals.answered;
    const used = this.#summariseProcesses();
    const redis = used.find(({ name }) => name === REDIS);
    return {
      version: 1,
      startedAt: this.#startedAt.toISOString(),
      endedEarly: this.#options.signal?.aborted === true,
      setting: {
        target: target.kind,
        urls: place.urls,
        brokers: target.kind === 'spawn' ? target.brokers : place.urls.length,
        driver: this.#options.driver,
        workers: this.#options.workers,
        profile: this.#options.profile,
        ratePerSecond: this.#options.ratePerSecond,
        seconds: rounded(seconds),
        seed: this.#options.seed,
        ...{ clients, hosts, slots },
        sessionMs: sessionMsOf(this.#options, this.#options.ratePerSecond),
        regions: place.regions.map(({ region }, i) => {
          const there = Math.floor(hosts / place.regions.length) + (i < hosts % place.regions.length ? 1 : 0);
          return { region, slots: there * slots };
        }),
        faults: this.#options.faults.map(({ text }) => text),
      },
      connected: this.#connectedAtMost,
      notConnected: clients - this.#connectedAtMost,
      offered: totals.offered,
      noClientFree: totals.noClientFree,
      matched: totals.matched,
      matchedAtOnce: totals.matchedAtOnce,
      queued: totals.queued,
      refused: this.#merged(({ counts }) => counts.refused),
      unanswered,
      matchedPerSecond: rounded(totals.matched / Math.max(1, seconds)),
      ended: this.#merged(({ counts }) => counts.ended),
      replaced: this.#sum(({ counts }) => counts.replaced),
      moved: this.#sum(({ counts }) => counts.moves.moved),
      movesFailed: this.#sum(({ counts }) => counts.moves.stayed),
      interrupted: this.#sum(({ counts }) => counts.moves.interrupted),
      socketsLost: this.#sum(({ counts }) => counts.socketsLost),
      notAdmitted: this.#sum(({ counts }) => counts.notAdmitted),
      connectionErrors: this.connectionErrors,
      times: this.#latencies.summarise(),
      levels: this.levels,
      ...(this.levels.length === 0 ? {} : { knee: findSaturationPoint(this.levels) }),
      verdict: this.#verdict.finish(this.settled, gauges?.vanished ?? 0),
      brokers: used.filter(({ name }) => name !== REDIS),
      ...(redis === undefined ? {} : { redis }),
      crashed: this.#context.fleet?.crashed ?? [],
      ownCpuMean: rounded(this.#ownCpuMean),
      faults,
      stretchMs: this.#timeline?.stretchMs ?? durationMs,
      timeline: this.#timeline?.read() ?? [],
    };
  }

  /** The load is over. */
  #endLoad(): void {
    if (this.#endedAtMs !== undefined) return;
    this.#endedAtMs = monotonicMs();
    if (this.#ownCpu === undefined) return;
    const { user, system } = process.cpuUsage(this.#ownCpu.usage);
    this.#ownCpuMean = (user + system) / 1_000 / Math.max(1, this.#endedAtMs - this.#ownCpu.atMs);
  }

  #reportProgress(): void {
    const totals = this.#totals();
    const gauges = this.#pool?.gauges;
    if (gauges === undefined) return;
    this.#connectedAtMost = Math.max(this.#connectedAtMost, gauges.connected);
    const nowMs = monotonicMs();
    this.#timeline?.recordSample(nowMs, totals, gauges.playing, this.#processesNow);
    const { matches, totals: before, atMs } = this.#recent;
    if (nowMs - atMs >= 1_000) {
      const seconds = atMs === 0 ? 1 : (nowMs - atMs) / 1_000;
      this.#currentRates = {
        offeredPerSecond: (totals.offered - before.offered) / seconds,
        matchedPerSecond: (totals.matched - before.matched) / seconds,
        p99Ms: matches.summarise().count === 0 ? undefined : matches.percentileMs(99),
      };
      this.#recent = { matches: new LatencyHistogram(2), totals, atMs: nowMs };
    }
    const load = this.#load;
    const progress: Progress = {
      stage: this.#stage,
      ...(load === undefined
        ? {}
        : {
            share: Math.min(1, Math.max(0, (nowMs - load.startAtMs) / load.durationMs)),
            leftMs: Math.max(0, load.startAtMs + load.durationMs - nowMs),
          }),
      connected: gauges.connected,
      clients: this.#options.clients,
      ...this.#currentRates,
      playing: Object.values(gauges.playing).reduce((sum, count) => sum + count, 0),
      waiting: gauges.waiting,
      refused: totals.refused,
      unanswered: gauges.unanswered,
    };
    this.#options.onProgress?.(progress);
  }

  async #measureProcesses(): Promise<void> {
    const now: Record<string, { cpu: number; memoryBytes: number }> = {};
    const { fleet } = this.#context;
    const processes: readonly { readonly name: string; readonly pid?: number | undefined }[] =
      fleet === undefined ? [] : [...fleet.brokers, { name: REDIS, ...fleet.redis }];
    for (const { name, pid } of processes) {
      const usage = pid === undefined ? undefined : await readProcessUsage(pid);
      if (pid === undefined || usage === undefined) continue;
      const atMs = monotonicMs();
      const before = this.#lastUsage.get(pid);
      this.#lastUsage.set(pid, { usage, atMs });
      if (before === undefined || atMs - before.atMs < USAGE_MS / 2) continue;
      const cpu = rounded((usage.cpuMs - before.usage.cpuMs) / (atMs - before.atMs));
      now[name] = { cpu, memoryBytes: usage.memoryBytes };
      if (this.#beganAtMs === 0 || this.#endedAtMs !== undefined) continue;
      const known = this.#usage.get(name) ?? { cpu: [], memoryMaxBytes: 0 };
      this.#usage.set(name, known);
      known.cpu.push(cpu);
      known.memoryMaxBytes = Math.max(known.memoryMaxBytes, usage.memoryBytes);
    }
    this.#processesNow = now;
  }

  #summariseProcesses(): ProcessUsageSummary[] {
    return [...this.#usage].map(([name, { cpu, memoryMaxBytes }]) => ({
      name,
      cpuMean: rounded(cpu.reduce((sum, share) => sum + share, 0) / Math.max(1, cpu.length)),
      cpuMax: Math.max(0, ...cpu),
      memoryMaxBytes,
    }));
  }

  #phase(index: number): { readonly match: LatencyHistogram; readonly lag: LatencyHistogram } {
    return (this.#phases[index] ??= { match: new LatencyHistogram(), lag: new LatencyHistogram() });
  }

  #countsOf(index: number): PhaseCounts {
    return addCounts(this.#ticks().map(({ counts }) => counts.phases[index]));
  }

  #totals(): PhaseCounts & Totals {
    return addCounts(this.#ticks().flatMap(({ counts }) => counts.phases));
  }

  #ticks(): WorkerTick[] {
    return (this.#pool?.ticks ?? []).filter((tick) => tick !== undefined);
  }

  #sum(pick: (tick: WorkerTick) => number): number {
    return this.#ticks().reduce((sum, tick) => sum + pick(tick), 0);
  }

  #merged(pick: (tick: WorkerTick) => Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    const merged: Record<string, number> = {};
    for (const tick of this.#ticks()) {
      for (const [key, count] of Object.entries(pick(tick))) merged[key] = (merged[key] ?? 0) + count;
    }
    return merged;
  }
}

function addCounts(all: readonly (PhaseCounts | undefined)[]): PhaseCounts {
  const sum = createPhaseCounts();
  for (const counts of all) {
    if (counts === undefined) continue;
    for (const key of Object.keys(sum) as (keyof PhaseCounts)[]) sum[key] += counts[key];
  }
  return sum;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
