import type { Assertion, AssertionResult, Figures, TimingName } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { JudgedLevel, SaturationPoint } from '../plan/saturation-point.js';
import type { Profile } from '../plan/profile.js';
import { evaluateAssertions } from '../plan/assertions.js';
import type { Latency } from './latency-recorder.js';
import type { TimelinePoint } from './timeline.js';
import type { Verdict } from './verdict.js';

/** What was set up. */
export interface RunSetting {
  readonly target: 'spawn' | 'url';
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
  /** Since the first arrival was due. */
  readonly atMs: number;
  readonly untilMs?: number;
  /** What was hit. */
  readonly target: string;
  /** What came of it, where that is known. */
  readonly outcome?: string;
  /** Why it could not be done. */
  readonly failure?: string;
}

export interface ProcessUsageSummary {
  readonly name: string;
  /** Share of one processor while arrivals were due. */
  readonly cpuMean: number;
  readonly cpuMax: number;
  readonly memoryMaxBytes: number;
}

/** Everything that a run has to tell. */
export interface LoadReport {
  readonly version: 1;
  readonly startedAt: string;
  /** Somebody ended the load before its time. */
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
  /** Sessions that are over, by reason. */
  readonly ended: Readonly<Record<string, number>>;
  readonly replaced: number;
  /** Sessions that went on at another host while they were played. */
  readonly moved: number;
  /** Moves that came to nothing: the session went on where it was. */
  readonly movesFailed: number;
  /** Of both, those whose picture stood still for more than two seconds. */
  readonly interrupted: number;
  readonly socketsLost: number;
  readonly notAdmitted: number;
  readonly connectionErrors: Readonly<Record<string, number>>;
  readonly times: Readonly<Record<TimingName, Latency>>;
  readonly levels: readonly JudgedLevel[];
  readonly knee?: SaturationPoint;
  readonly verdict: Verdict;
  readonly brokers: readonly ProcessUsageSummary[];
  /** Of the run's own, where it started one. */
  readonly redis?: ProcessUsageSummary;
  /** Brokers of the run that ended by themselves: one is too many. */
  readonly crashed: readonly string[];
  /** Of the run's own process, all its threads. */
  readonly ownCpuMean: number;
  readonly faults: readonly InjectedFault[];
  /** Length of a point of the timeline. */
  readonly stretchMs: number;
  readonly timeline: readonly TimelinePoint[];
  readonly assertions: readonly AssertionResult[];
  /** The verdict is clean, no broker crashed, every fault could be done, and every assertion holds. */
  readonly passed: boolean;
}

/** What a run measured, before it is judged by the assertions. */
export type MeasuredRun = Omit<LoadReport, 'assertions' | 'passed'>;

export function countViolations({ doubleSales, lost, outOfOrder, other }: Verdict): number {
  return doubleSales + lost + outOfOrder + other;
}

export function evaluateReport(measured: MeasuredRun, assertions: readonly Assertion[]): LoadReport {
  const results = evaluateAssertions(assertions, figuresOf(measured));
  return { ...measured, assertions: results, passed: failureReasons(measured, results).length === 0 };
}

/** Why a run did not pass, in words; nothing when it did. */
export function failureReasons(
  { verdict, crashed, faults }: Pick<MeasuredRun, 'verdict' | 'crashed' | 'faults'>,
  assertions: readonly AssertionResult[],
): string[] {
  const failed = assertions.filter(({ holds }) => !holds).length;
  return [
    ...(countViolations(verdict) > 0 ? ['the history is broken'] : []),
    ...(crashed.length > 0 ? [`${crashed.join(', ')} ended by itself`] : []),
    // A run that did not do what it was to show something under shows nothing.
    ...faults.flatMap(({ text, failure }) =>
      failure === undefined ? [] : [`${text} could not be done (${failure})`],
    ),
    ...(failed > 0 ? [`${failed} of ${assertions.length} assertions fail`] : []),
  ];
}

/** The figures that assertions speak of. */
function figuresOf(measured: MeasuredRun): Figures {
  const { verdict, times, refused, ended, knee } = measured;
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
    doubleSales: verdict.doubleSales,
    outOfOrder: verdict.outOfOrder,
    otherViolations: verdict.other,
    violations: countViolations(verdict),
    // Nobody can say that nothing is lost while things are still on their way.
    ...(verdict.settled || verdict.lost > 0 ? { lost: verdict.lost } : {}),
    ...(knee === undefined ? {} : { knee: knee.ratePerSecond }),
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
