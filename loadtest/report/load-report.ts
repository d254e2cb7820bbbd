import type { Assertion, AssertionResult, Figures, TimingName } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { JudgedLevel, SaturationPoint } from '../plan/saturation-point.js';
import type { Profile } from '../plan/profile.js';
import { evaluateAssertions } from '../plan/assertions.js';
import type { Latency } from './latency-recorder.js';
import type { TimelinePoint } from './timeline.js';
import type { Verdict } from './verdict.js';

/** The options of the run. */
export interface RunSetting {
  readonly system: 'spawn' | 'url';
  readonly urls: readonly string[];
  readonly brokers: number;
  readonly driver: Driver;
  readonly workers: number;
  readonly profile: Profile;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
  readonly hosts: number;
  readonly slots: number;
  /** Mean length of sessions, in milliseconds; the first level's in a stepped load. */
  readonly sessionMs: number;
  readonly regions: readonly { readonly region: string; readonly slots: number }[];
  readonly faults: readonly string[];
}

export interface InjectedFault {
  readonly text: string;
  /** Milliseconds since the first arrival was due; likewise `untilMs`. */
  readonly atMs: number;
  readonly untilMs?: number;
  /** The host, broker, Redis or region that the fault hit. */
  readonly target: string;
  /** The result of a drain. */
  readonly outcome?: string;
  /** Why the fault could not be injected. */
  readonly failure?: string;
}

export interface ProcessUsageSummary {
  readonly name: string;
  /** Share of one processor while arrivals were scheduled. */
  readonly cpuMean: number;
  readonly cpuMax: number;
  readonly memoryMaxBytes: number;
}

/** The result of a run. */
export interface LoadReport {
  readonly version: 1;
  readonly startedAt: string;
  /** Whether the load was ended before its scheduled end. */
  readonly endedEarly: boolean;
  readonly setting: RunSetting;
  readonly connected: number;
  readonly notConnected: number;
  readonly offered: number;
  readonly noClientFree: number;
  readonly matched: number;
  readonly matchedAtOnce: number;
  readonly queued: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly unanswered: number;
  readonly matchedPerSecond: number;
  /** Sessions that ended, by reason. */
  readonly ended: Readonly<Record<string, number>>;
  readonly replaced: number;
  /** Sessions that moved to another host while they were played. */
  readonly moved: number;
  /** Moves that failed: the session resumed on its source host. */
  readonly movesFailed: number;
  /** Of both, sessions that were paused for more than two seconds. */
  readonly interrupted: number;
  readonly socketsLost: number;
  readonly notAdmitted: number;
  readonly connectionErrors: Readonly<Record<string, number>>;
  readonly times: Readonly<Record<TimingName, Latency>>;
  readonly levels: readonly JudgedLevel[];
  readonly saturationPoint?: SaturationPoint;
  readonly verdict: Verdict;
  readonly brokers: readonly ProcessUsageSummary[];
  /** Absent when the run started no Redis. */
  readonly redis?: ProcessUsageSummary;
  /** Brokers of the run that exited although the run did not stop them. A run with any of them fails. */
  readonly crashed: readonly string[];
  /** CPU share of the load test's own process, with all its threads. */
  readonly ownCpuMean: number;
  readonly faults: readonly InjectedFault[];
  /** Length of an interval of the timeline. */
  readonly timelineIntervalMs: number;
  readonly timeline: readonly TimelinePoint[];
  readonly assertions: readonly AssertionResult[];
  /** Whether the history has no violation, every request was answered, no broker crashed, every fault was injected, and every assertion holds. */
  readonly passed: boolean;
}

/** The result of a run before its assertions are evaluated. */
export type MeasuredRun = Omit<LoadReport, 'assertions' | 'passed'>;

export function countViolations({ overbooked, lost, outOfOrder, other }: Verdict): number {
  return overbooked + lost + outOfOrder + other;
}

/**
 * Requests that no broker answered, although the run waited for that at its end. A run that was ended early may cut answers off, and
 * one whose load rises until brokers fall behind is meant to.
 */
export function countMissingAnswers({
  unanswered,
  endedEarly,
  setting,
}: Pick<MeasuredRun, 'unanswered' | 'endedEarly' | 'setting'>): number {
  return endedEarly || setting.profile === 'step' ? 0 : unanswered;
}

export function evaluateReport(measured: MeasuredRun, assertions: readonly Assertion[]): LoadReport {
  const results = evaluateAssertions(assertions, figuresOf(measured));
  return { ...measured, assertions: results, passed: failureReasons(measured, results).length === 0 };
}

/** Reasons why a run failed, for people; empty when it passed. */
export function failureReasons(
  run: Pick<MeasuredRun, 'verdict' | 'crashed' | 'faults' | 'unanswered' | 'endedEarly' | 'setting'>,
  assertions: readonly AssertionResult[],
): string[] {
  const { verdict, crashed, faults } = run;
  const missing = countMissingAnswers(run);
  const failed = assertions.filter(({ holds }) => !holds).length;
  return [
    ...(countViolations(verdict) > 0 ? ['the history has violations'] : []),
    ...(missing > 0 ? [`${missing} requests were never answered`] : []),
    ...(crashed.length > 0 ? [`${crashed.join(', ')} crashed`] : []),
    // Without its faults a run does not show what it was made for.
    ...faults.flatMap(({ text, failure }) =>
      failure === undefined ? [] : [`the fault ${text} could not be injected (${failure})`],
    ),
    ...(failed > 0 ? [`${failed} of ${assertions.length} assertions fail`] : []),
  ];
}

/** The figures that assertions can name. */
function figuresOf(measured: MeasuredRun): Figures {
  const { verdict, times, refused, ended, saturationPoint } = measured;
  const figures: Record<string, number> = {
    offered: measured.offered,
    matched: measured.matched,
    queued: measured.queued,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
    unanswered: measured.unanswered,
    noClientFree: measured.noClientFree,
    notConnected: measured.notConnected,
    moved: measured.moved,
    movesFailed: measured.movesFailed,
    interrupted: measured.interrupted,
    matchedPerSecond: measured.matchedPerSecond,
    overbooked: verdict.overbooked,
    outOfOrder: verdict.outOfOrder,
    otherViolations: verdict.other,
    violations: countViolations(verdict),
    // Before everything has settled, 0 lost sessions proves nothing: the figure counts as not measured.
    ...(verdict.settled || verdict.lost > 0 ? { lost: verdict.lost } : {}),
    ...(saturationPoint === undefined ? {} : { saturationPoint: saturationPoint.ratePerSecond }),
  };
  for (const [name, latency] of Object.entries(times)) {
    figures[`${name}.count`] = latency.count;
    if (latency.count === 0) continue;
    for (const quantile of ['p50', 'p90', 'p99', 'p999', 'max', 'mean'] as const) {
      figures[`${name}.${quantile}`] = latency[quantile];
    }
  }
  for (const [code, count] of Object.entries(refused)) figures[`refused.${code}`] = count;
  for (const [reason, count] of Object.entries(ended)) figures[`ended.${reason}`] = count;
  return figures;
}
