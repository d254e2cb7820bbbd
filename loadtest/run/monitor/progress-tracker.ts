import type { PhaseCounts, WorkerGauges } from '../../drive/worker-messages.js';
import { LatencyHistogram } from '../../report/latency-recorder.js';
import type { Progress } from '../run-options.js';

/** The load, or one level of it. Times by the monotonic clock. */
export interface LoadPeriod {
  readonly startAtMs: number;
  readonly durationMs: number;
}

/** Rates are computed over this time. */
const RATE_INTERVAL_MS = 1_000;

type Rates = Pick<Progress, 'offeredPerSecond' | 'matchedPerSecond' | 'p99Ms'>;

/** Builds the progress that a run reports, with rates of the last second. */
export class ProgressTracker {
  readonly #clients: number;
  #stage = '';
  #load: LoadPeriod | undefined;
  #rates: Rates = { offeredPerSecond: 0, matchedPerSecond: 0, p99Ms: undefined };
  #rateStart = { matches: new LatencyHistogram(2), totals: { offered: 0, matched: 0 }, atMs: 0 };

  /** @param clients how many players the run has */
  constructor(clients: number) {
    this.#clients = clients;
  }

  /** @param load present while arrivals are scheduled */
  setStage(stage: string, load: LoadPeriod | undefined): void {
    this.#stage = stage;
    this.#load = load;
  }

  recordMatch(tookMs: number): void {
    this.#rateStart.matches.record(tookMs);
  }

  /** @param totals since the beginning of the run */
  read(nowMs: number, totals: PhaseCounts, gauges: WorkerGauges): Progress {
    this.#updateRates(nowMs, totals);
    return {
      stage: this.#stage,
      ...(this.#load === undefined ? {} : shareOfLoad(this.#load, nowMs)),
      connected: gauges.connected,
      clients: this.#clients,
      ...this.#rates,
      playing: Object.values(gauges.playing).reduce((sum, count) => sum + count, 0),
      waiting: gauges.waiting,
      refused: totals.refused,
      unanswered: gauges.unanswered,
    };
  }

  #updateRates(nowMs: number, totals: PhaseCounts): void {
    const { matches, totals: before, atMs } = this.#rateStart;
    if (nowMs - atMs < RATE_INTERVAL_MS) return;
    const seconds = atMs === 0 ? 1 : (nowMs - atMs) / 1_000;
    this.#rates = {
      offeredPerSecond: (totals.offered - before.offered) / seconds,
      matchedPerSecond: (totals.matched - before.matched) / seconds,
      p99Ms: matches.summarise().count === 0 ? undefined : matches.percentileMs(99),
    };
    this.#rateStart = { matches: new LatencyHistogram(2), totals, atMs: nowMs };
  }
}

function shareOfLoad(
  { startAtMs, durationMs }: LoadPeriod,
  nowMs: number,
): Pick<Progress, 'share' | 'leftMs'> {
  return {
    share: Math.min(1, Math.max(0, (nowMs - startAtMs) / durationMs)),
    leftMs: Math.max(0, startAtMs + durationMs - nowMs),
  };
}
