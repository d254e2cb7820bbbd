import { TIMING_NAMES } from '../plan/assertions.js';
import { formatDuration } from '../plan/duration.js';
import { escape, lineChart, type Mark, type Series } from './line-chart.js';
import { failureReasons, type LoadReport, type ProcessUsageSummary } from './load-report.js';
import { PAGE_STYLE } from './page-style.js';
import type { TimelinePoint } from './timeline.js';

/** Renders the report as a self-contained page: no scripts, no requests, light and dark colours. */
export function renderHtml(report: LoadReport): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Duskline load test, ${escape(report.startedAt)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>Load test</h1>
<p class="sub">${escape(describeSetting(report))}</p>
${renderVerdict(report)}
${renderTiles(report)}
${renderCharts(report)}
${renderTables(report)}
</main>
</body>
</html>
`;
}

function describeSetting({ setting, startedAt }: LoadReport): string {
  const { brokers, driver, workers, profile, ratePerSecond, seconds, seed, clients, hosts, slots } = setting;
  const rate = profile === 'storm' ? '' : `, ${ratePerSecond} a second`;
  const how = driver === 'sdk' ? 'the SDKs' : 'the lean driver';
  return `${startedAt.slice(0, 16).replace('T', ' ')} UTC · ${brokers} ${brokers === 1 ? 'broker' : 'brokers'} · ${profile}${rate} for ${Math.round(seconds)} s · ${clients} clients, ${hosts} hosts with ${slots} slots · played by ${how} in ${workers} ${workers === 1 ? 'thread' : 'threads'} · seed ${seed}`;
}

function renderVerdict(report: LoadReport): string {
  const { verdict, passed, assertions, endedEarly } = report;
  const reasons = failureReasons(report, assertions);
  const lines = [
    ...(reasons.length === 0 ? [] : [`${reasons.join('; ')}.`]),
    `Overbooked ${verdict.overbooked}, lost sessions ${verdict.lost}, out of order ${verdict.outOfOrder}, other violations ${verdict.other}, in ${verdict.events} events.`,
    ...(verdict.settled
      ? []
      : ['Some requests or sessions were not settled at the end: lost sessions may have been missed.']),
    ...(endedEarly ? ['The load was ended early.'] : []),
  ];
  return `<p id="verdict" class="verdict ${passed ? 'good' : 'bad'}"><b>${passed ? 'Passed.' : 'Not passed:'}</b> ${lines.map(escape).join(' ')}</p>`;
}

function renderTiles(report: LoadReport): string {
  const { match } = report.times;
  const tiles: readonly (readonly [string, string])[] = [
    ['offered', String(report.offered)],
    ['matched', String(report.matched)],
    ['matched a second', String(Math.round(report.matchedPerSecond))],
    ['match p50', formatDuration(match.p50)],
    ['match p99', formatDuration(match.p99)],
    ['match max', formatDuration(match.max)],
    ...(report.saturationPoint === undefined
      ? []
      : [['saturation point, a second', String(report.saturationPoint.ratePerSecond)] as const]),
  ];
  return `<dl class="tiles">${tiles.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join('')}</dl>`;
}

function renderCharts(report: LoadReport): string {
  const { timelineIntervalMs, setting, faults } = report;
  const seconds = timelineIntervalMs / 1_000;
  // The load ends within the last interval. A rate over less than half of an interval would mislead.
  const timeline = report.timeline.filter(
    ({ atMs }, i) => i === 0 || setting.seconds * 1_000 - atMs >= timelineIntervalMs / 2,
  );
  const marks: Mark[] = faults.map(({ text, target, atMs, untilMs }) => ({
    label: `${text} (${target})`,
    x: Math.max(0, atMs / 1_000),
    ...(untilMs === undefined ? {} : { untilX: untilMs / 1_000 }),
  }));
  const maxX = Math.max(timeline.length * seconds, ...marks.map(({ x, untilX = x }) => untilX), 1);
  const series = (name: string, pick: (point: TimelinePoint) => number | null, isQuiet = false): Series => ({
    name,
    isQuiet,
    points: timeline.map((point) => [point.atMs / 1_000, pick(point)]),
  });
  const perSecond = (pick: (point: TimelinePoint) => number) => (point: TimelinePoint) =>
    pick(point) / seconds;
  const count = (value: number): string => String(Math.round(value * 100) / 100);
  const share = (value: number): string => `${Math.round(value * 100)} %`;
  const processes = processesOf(report).map(({ name }) => name);
  const charts = [
    lineChart({
      title: 'Time to match, by the scheduled time of the player’s arrival',
      series: [
        series('p50', ({ p50 }) => p50),
        series('p99', ({ p99 }) => p99),
        series('max', ({ max }) => max, true),
      ],
      ...{ marks, maxX, format: formatDuration, isLogarithmic: true },
    }),
    lineChart({
      title: 'Players a second',
      series: [
        series(
          'offered',
          perSecond(({ offered }) => offered),
        ),
        series(
          'matched',
          perSecond(({ matched }) => matched),
        ),
        series(
          'queued',
          perSecond(({ queued }) => queued),
        ),
        series(
          'refused',
          perSecond(({ refused }) => refused),
        ),
      ],
      ...{ marks, maxX, format: count },
    }),
    lineChart({
      title: setting.hosts > 0 ? 'Slots in use, by region' : 'Sessions, by region',
      series: setting.regions.map(({ region, slots }) =>
        series(
          region,
          ({ playing }) => (playing[region] ?? 0) / (setting.hosts > 0 ? Math.max(1, slots) : 1),
        ),
      ),
      ...{ marks, maxX, format: setting.hosts > 0 ? share : count },
      ...(setting.hosts > 0 ? { leastMaxY: 1 } : {}),
    }),
    ...(processes.length === 0
      ? []
      : [
          lineChart({
            title: 'CPU, share of one processor',
            series: processes.map((name) => series(name, (point) => point.processes[name]?.cpu ?? null)),
            ...{ marks, maxX, format: share, leastMaxY: 1 },
          }),
          lineChart({
            title: 'Memory, MiB',
            series: processes.map((name) =>
              series(name, (point) => {
                const bytes = point.processes[name]?.memoryBytes;
                return bytes === undefined ? null : bytes / 1_048_576;
              }),
            ),
            ...{ marks, maxX, format: count },
          }),
        ]),
  ];
  return charts.join('\n');
}

function renderTables(report: LoadReport): string {
  const { times, refused, ended, faults, assertions, levels, verdict } = report;
  const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
  return [
    table(
      'Times, in milliseconds',
      ['', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'],
      TIMING_NAMES.filter((name) => times[name].count > 0).map((name) => {
        const { count, p50, p90, p99, p999, max } = times[name];
        return [name, String(count), ...[p50, p90, p99, p999, max].map(ms)];
      }),
    ),
    table(
      'Players',
      ['', 'count'],
      [
        ['offered', report.offered],
        ['matched', report.matched],
        ['matched at once', report.matchedAtOnce],
        ['queued', report.queued],
        ...Object.entries(refused).map(([code, count]) => [`refused: ${code}`, count] as const),
        ['unanswered', report.unanswered],
        ['no client free', report.noClientFree],
        ...Object.entries(ended).map(([reason, count]) => [`session ended: ${reason}`, count] as const),
        ['placed again', report.replaced],
        ['moved', report.moved],
        ['moves failed', report.movesFailed],
        ['paused for over 2 s', report.interrupted],
        ['sockets lost', report.socketsLost],
      ].map(([name, count]) => [String(name), String(count)]),
    ),
    table(
      'Levels',
      ['offered a second', 'matched a second', 'p99', ''],
      levels.map(({ ratePerSecond, matched, durationMs, p99Ms, held, why = '' }) => {
        const perSecond = Math.round((matched / durationMs) * 1_000);
        return [String(ratePerSecond), String(perSecond), ms(p99Ms), held ? 'held' : why];
      }),
    ),
    table(
      'Faults',
      ['', 'what', 'hit', 'at', 'until', ''],
      faults.map(({ text, target, atMs, untilMs, failure, outcome = '' }, i) => {
        const until = untilMs === undefined ? '' : formatDuration(untilMs);
        return [String(i + 1), text, target, formatDuration(Math.max(0, atMs)), until, failure ?? outcome];
      }),
    ),
    table(
      'Processes',
      ['', 'processor, mean', 'max', 'memory, max'],
      processesOf(report).map(({ name, cpuMean, cpuMax, memoryMaxBytes }) => {
        const share = (value: number): string => `${Math.round(value * 100)} %`;
        return [name, share(cpuMean), share(cpuMax), `${Math.round(memoryMaxBytes / 1_048_576)} MiB`];
      }),
    ),
    table(
      'Assertions',
      ['', 'measured', ''],
      assertions.map(({ text, actual, holds }) => {
        return [text, actual === undefined ? 'not measured' : String(actual), holds ? 'holds' : 'fails'];
      }),
    ),
    verdict.examples.length === 0
      ? ''
      : `<section><h2>Violations</h2><pre>${verdict.examples.map(escape).join('\n')}</pre></section>`,
  ].join('\n');
}

/** The processes that the run started. */
function processesOf({ brokers, redis }: LoadReport): readonly ProcessUsageSummary[] {
  return redis === undefined ? brokers : [...brokers, redis];
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<section><h2>${escape(title)}</h2><table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></section>`;
}
