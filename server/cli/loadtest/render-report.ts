import { TIMING_NAMES } from '@duskline/loadtest/plan/assertions.js';
import { formatDuration } from '@duskline/loadtest/plan/duration.js';
import {
  countMissingAnswers,
  countViolations,
  failureReasons,
  type LoadReport,
} from '@duskline/loadtest/report/load-report.js';
import { formatPercent, renderTable } from '../output/text-table.js';

/** Renders the report of a run for the terminal. */
export function renderReport(report: LoadReport): string {
  return [
    renderSetting(report),
    renderCounts(report),
    renderTimes(report),
    renderLevels(report),
    renderFaults(report),
    renderProcesses(report),
    renderVerdict(report),
    renderAssertions(report),
    renderOutcome(report),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function renderSetting({ setting, endedEarly }: LoadReport): string {
  const { system, brokers, driver, workers, profile, ratePerSecond, seconds, seed } = setting;
  const { clients, hosts, slots, regions, urls } = setting;
  const whose = system === 'spawn' ? `${brokers} started by the run` : urls.join(', ');
  const how = driver === 'sdk' ? 'the two SDKs' : 'the lean driver (no SDK)';
  return `${[
    `brokers   ${whose}`,
    `played by ${how}, ${workers} ${workers === 1 ? 'thread' : 'threads'}: ${clients} clients, ${hosts} hosts with ${slots} slots in ${regions.length} regions`,
    `load      ${profile}${profile === 'storm' ? '' : `, ${ratePerSecond} a second`}, ${Math.round(seconds)} s${endedEarly ? ' (ended early)' : ''}, seed ${seed}`,
  ].join('\n')}\n`;
}

function renderCounts(report: LoadReport): string {
  const { offered, matched, matchedAtOnce, queued, refused, unanswered, noClientFree } = report;
  const hasNoMatch = offered > noClientFree && matched === 0 && !report.endedEarly;
  const refusedTotal = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const rows = [
    ['offered', offered, ''],
    ['matched', matched, `${matchedAtOnce} at once, ${Math.round(report.matchedPerSecond)} a second`],
    ['queued', queued, ''],
    ['refused', refusedTotal, byName(refused)],
    ['unanswered', unanswered, ''],
    ['no client free', noClientFree, noClientFree > 0 ? 'more --clients, or shorter --session' : ''],
    ['not connected', report.notConnected, byName(report.connectionErrors)],
    ['sockets lost', report.socketsLost, ''],
    [
      'sessions ended',
      Object.values(report.ended).reduce((sum, count) => sum + count, 0),
      byName(report.ended),
    ],
    ['placed again', report.replaced, ''],
    ['moved', report.moved, report.interrupted > 0 ? `${report.interrupted} paused for over 2 s` : ''],
    ['moves failed', report.movesFailed, ''],
    ['not admitted', report.notAdmitted, ''],
  ] as const;
  const counts = renderTable(
    ['what', 'count', ''],
    rows
      .filter(([name, count]) => count > 0 || ALWAYS_SHOWN.has(name))
      .map(([name, count, more]) => [name, String(count).padStart(8), more]),
  );
  return hasNoMatch
    ? `${counts}No player was matched. Check --title, the regions and the free slots.\n`
    : counts;
}

const ALWAYS_SHOWN = new Set(['offered', 'matched', 'queued', 'refused', 'unanswered', 'no client free']);

function byName(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

/** With a p99 of lag above this, delays of the load test itself are a large part of all times. */
const LATE_MS = 50;

function renderTimes({ times }: LoadReport): string {
  const head = ['milliseconds', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'].map((cell, i) =>
    i === 0 ? cell : cell.padStart(8),
  );
  const rows = TIMING_NAMES.filter((name) => times[name].count > 0).map((name) => {
    const { count, p50, p90, p99, p999, max } = times[name];
    const cells = [String(count), ...[p50, p90, p99, p999, max].map(inMs)];
    return [name, ...cells.map((cell) => cell.padStart(8))];
  });
  const late =
    times.lag.p99 > LATE_MS
      ? `The load test itself was late (lag): the times contain delays of this machine. Use a lower --rate, more --workers or --driver lean.\n`
      : '';
  return rows.length === 0 ? '' : `${renderTable(head, rows)}${late}`;
}

function inMs(ms: number): string {
  return ms < 100 ? ms.toFixed(1) : String(Math.round(ms));
}

function renderLevels({ levels, saturationPoint }: LoadReport): string {
  if (saturationPoint === undefined) return '';
  const rows = levels.map(({ ratePerSecond, matched, durationMs, p99Ms, held, why = '' }) => {
    const perSecond = Math.round((matched / durationMs) * 1_000);
    return [
      String(ratePerSecond).padStart(9),
      String(perSecond).padStart(9),
      inMs(p99Ms),
      held ? 'held' : why,
    ];
  });
  const limit = saturationPoint.ownFault === true ? ' The load test was the limit, not the brokers.' : '';
  const broke =
    saturationPoint.brokeAt === undefined
      ? 'Every level held.'
      : `${saturationPoint.brokeAt} a second did not hold: ${saturationPoint.why ?? ''}.`;
  const end = `Saturation point: ${saturationPoint.ratePerSecond} a second (${saturationPoint.matchedPerSecond} matched). ${broke}${limit}\n`;
  return `${renderTable(['offered/s', 'matched/s', 'p99 ms', 'level'], rows)}${end}`;
}

function renderFaults({ faults }: LoadReport): string {
  if (faults.length === 0) return '';
  const rows = faults.map(({ text, atMs, untilMs, target, failure, outcome = '' }) => {
    const until = untilMs === undefined ? '' : formatDuration(untilMs);
    return [text, target, formatDuration(Math.max(0, atMs)), until, failure ?? outcome];
  });
  return renderTable(['fault', 'hit', 'at', 'until', ''], rows);
}

function renderProcesses({ brokers, redis, ownCpuMean, crashed }: LoadReport): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
  const processes = redis === undefined ? brokers : [...brokers, redis];
  const rows = processes.map(({ name, cpuMean, cpuMax, memoryMaxBytes }) => {
    return [name, formatPercent(cpuMean), formatPercent(cpuMax), megabytes(memoryMaxBytes)];
  });
  const usage = renderTable(
    ['process', 'cpu mean', 'cpu max', 'memory max'],
    [...rows, ['load test', formatPercent(ownCpuMean), '', '']],
  );
  return crashed.length === 0 ? usage : `${usage}Crashed: ${crashed.join(', ')}.\n`;
}

function renderVerdict(report: LoadReport): string {
  const { verdict } = report;
  const missing = countMissingAnswers(report);
  const { overbooked, lost, outOfOrder, other, settled, events, examples } = verdict;
  const line = `overbooked ${overbooked}, lost sessions ${lost}, out of order ${outOfOrder}, unanswered ${missing}, other violations ${other} (${events} events)`;
  const rest = settled
    ? ''
    : '\nSome requests or sessions were not settled at the end: lost sessions may have been missed.';
  const word = countViolations(verdict) > 0 ? 'VIOLATIONS' : missing > 0 ? 'UNANSWERED' : 'clean';
  return `Verdict: ${word}. ${line}${rest}\n${examples.map((text) => `  ${text}\n`).join('')}`;
}

function renderAssertions({ assertions }: LoadReport): string {
  return assertions
    .map(({ text, actual, holds }) => {
      const value = actual === undefined ? 'not measured' : String(Math.round(actual * 1_000) / 1_000);
      return `${holds ? 'holds ' : 'FAILS '} ${text}  (${value})\n`;
    })
    .join('');
}

/** The reasons for an exit code other than 0. */
function renderOutcome(report: LoadReport): string {
  const reasons = failureReasons(report, report.assertions);
  return reasons.length === 0 ? '' : `Not passed: ${reasons.join('; ')}.\n`;
}
