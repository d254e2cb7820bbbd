import type { WorkerCounts } from '../../drive/worker-messages.js';
import { findSaturationPoint, type JudgedLevel } from '../../plan/saturation-point.js';
import type { MeasuredRun, RunSetting } from '../../report/load-report.js';
import { roundToThousandth } from '../../report/round.js';
import { sessionMsOf, type ServedFleet } from '../plan-workers.js';
import type { RunOptions } from '../run-options.js';
import { mergeCounts, sumAllPhases, sumCount, type LatestTicks } from './worker-totals.js';

/** What the monitor measured, beside what the workers counted. */
export interface RunMeasurements extends Pick<
  MeasuredRun,
  'times' | 'levels' | 'verdict' | 'brokers' | 'crashed' | 'faults' | 'timelineIntervalMs' | 'timeline'
> {
  readonly startedAt: Date;
  /** How long arrivals were scheduled. */
  readonly loadedMs: number;
  /** The most players that were connected at one moment. */
  readonly mostConnected: number;
  readonly ownCpuShare: number;
  readonly redis: MeasuredRun['redis'];
}

/** Puts the result of a run together. */
export function createMeasuredRun(
  options: RunOptions,
  fleet: ServedFleet,
  ticks: LatestTicks,
  measurements: RunMeasurements,
): MeasuredRun {
  const { startedAt, loadedMs, mostConnected, ownCpuShare, redis, levels, ...measured } = measurements;
  const seconds = loadedMs / 1_000;
  const { offered, noClientFree, answered, matched, matchedAtOnce, queued } = sumAllPhases(ticks);
  const sum = (pick: (counts: WorkerCounts) => number): number => sumCount(ticks, pick);
  return {
    version: 1,
    startedAt: startedAt.toISOString(),
    endedEarly: options.signal?.aborted === true,
    setting: describeSetting(options, fleet, seconds),
    connected: mostConnected,
    notConnected: options.clients - mostConnected,
    ...{ offered, noClientFree, matched, matchedAtOnce, queued },
    refused: mergeCounts(ticks, (counts) => counts.refused),
    unanswered: offered - noClientFree - answered,
    matchedPerSecond: roundToThousandth(matched / Math.max(1, seconds)),
    ended: mergeCounts(ticks, (counts) => counts.ended),
    replaced: sum((counts) => counts.replaced),
    moved: sum(({ moves }) => moves.moved),
    movesFailed: sum(({ moves }) => moves.stayed),
    interrupted: sum(({ moves }) => moves.interrupted),
    socketsLost: sum((counts) => counts.socketsLost),
    notAdmitted: sum((counts) => counts.notAdmitted),
    connectionErrors: mergeCounts(ticks, (counts) => counts.connectionErrors),
    ...saturationOf(levels),
    ...(redis === undefined ? {} : { redis }),
    ownCpuMean: roundToThousandth(ownCpuShare),
    ...measured,
  };
}

function describeSetting(options: RunOptions, { urls, regions }: ServedFleet, seconds: number): RunSetting {
  const { system, driver, workers, profile, ratePerSecond, seed, clients, hosts, slots } = options;
  return {
    system: system.kind,
    urls,
    brokers: system.kind === 'spawn' ? system.brokers : urls.length,
    ...{ driver, workers, profile, ratePerSecond },
    seconds: roundToThousandth(seconds),
    ...{ seed, clients, hosts, slots },
    sessionMs: sessionMsOf(options, ratePerSecond),
    // `planWorkers` assigns hosts to the regions in turn.
    regions: regions.map(({ region }, i) => {
      const hostsInRegion = Math.floor(hosts / regions.length) + (i < hosts % regions.length ? 1 : 0);
      return { region, slots: hostsInRegion * slots };
    }),
    faults: options.faults.map(({ text }) => text),
  };
}

function saturationOf(levels: readonly JudgedLevel[]): Pick<MeasuredRun, 'levels' | 'saturationPoint'> {
  return { levels, ...(levels.length === 0 ? {} : { saturationPoint: findSaturationPoint(levels) }) };
}
