/**
 * Compares the broker with a floor: a server of the same parts that does only the unavoidable work. Both run on one machine
 * in one run, so that their ratio depends little on the machine. `USAGE` describes the options.
 */
import { mkdir } from 'node:fs/promises';
import { readCounts, readNames, readOptions } from './command-line.js';
import { machineSeconds } from './floor/processes/bench-process.js';
import { measureHeartbeats } from './floor/measurements/measure-heartbeats.js';
import { measureBrokers, type BrokersFigures } from './floor/measurements/measure-brokers.js';
import { measureMatch } from './floor/measurements/measure-match.js';
import { measureMemory } from './floor/measurements/measure-memory.js';
import { measureStart } from './floor/measurements/measure-start.js';
import { measureStore } from './floor/measurements/measure-store.js';
import { renderProfile } from './floor/render-profile.js';
import { rounded } from './floor/statistics.js';
import { renderTargets } from './floor/targets.js';
import { reportProgress } from './progress.js';

const USAGE = `Compares the broker with a floor that does only the unavoidable work. Linux only, because it reads /proc.

  npm run bench -- [options]

  --only PARTS       measure only these parts, separated by commas: match, store, memory, beats, start (default: all)
  --quick            shorter and smaller measurements, for continuous integration: the figures are less reliable
  --brokers COUNTS   measure as many brokers on one Redis, such as 1,2,4; without --only nothing else is measured
  --profile FOLDER   write CPU profiles of broker and floor under the load of match, and print where the time went
  --json             print the figures as JSON on one line, instead of over several lines
  --help             print this text

Progress, targets and profiles go to standard error; the figures go to standard output as one JSON object. The exit code is 1
when a part failed. All parts take about six minutes on an idle machine; --only and --quick shorten the run.
`;

const PARTS = ['match', 'store', 'memory', 'beats', 'start'] as const;
type Part = (typeof PARTS)[number] | 'brokers';

const options = readOptions(USAGE, {
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  brokers: { type: 'string', default: '' },
  profile: { type: 'string' },
  json: { type: 'boolean', default: false },
});
const { quick, profile } = options;
const brokerCounts = options.brokers === '' ? [] : readCounts('--brokers', options.brokers);
const parts = new Set<Part>(
  readNames('--only', options.only ?? (brokerCounts.length === 0 ? PARTS.join() : ''), PARTS),
);
if (brokerCounts.length > 0) parts.add('brokers');

/** A fleet that is 40 % full, so that no player waits or is served by another region, and no host gets too many messages. */
const FLEET = { hosts: 100, slots: 8, players: 1_000, inFlight: 256 };

/** Above this use of the machine by other processes, figures by the clock are not reliable. */
const QUIET_CORES = 0.3;

const startedAtMs = performance.now();
const machineBefore = machineSeconds();
const ratios: Record<string, number> = {};
const figures: Record<string, unknown> = { ratios };
const absolute: Record<string, unknown> = {};

await part('start', async () => {
  const start = await measureStart(quick ? 3 : 7, quick ? 5 : 30);
  figures['startMs'] = start.startMs;
  figures['idleCpu'] = start.idleCpu;
  return start;
});
await part('match', async () => {
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const size = quick
    ? { rounds: 2, seconds: 2, halfRateSeconds: 4 }
    : { rounds: 6, seconds: 3, halfRateSeconds: 20 };
  const match = await measureMatch({ ...FLEET, ...size, profileDirectory: profile });
  // Both servers are saturated, so that one core is their limit. If something else is the limit (the loader, other processes
  // of the machine), a rate by the clock does not measure the server, but a rate by its own CPU time does.
  ratios['matchThroughput'] = match.coreRatio;
  ratios['matchP99'] = match.p99Ratio;
  figures['loopDelayP99Ms'] = match.halfRate.broker.loopDelayP99Ms;
  return match;
});
await part('store', async () => {
  const size = quick
    ? { rounds: 2, seconds: 0.7, manyHosts: 10_000 }
    : { rounds: 5, seconds: 2, manyHosts: 100_000 };
  const store = await measureStore(size);
  ratios['storePlacement'] = store.placement;
  ratios['storeGrowthMemory'] = store.growthMemory;
  ratios['storeGrowthRedis'] = store.growthRedis;
  return { ...size, ...store };
});
await part('memory', async () => {
  const memory = await measureMemory(quick ? 1_000 : 5_000);
  ratios['idleMemory'] = memory.ratio;
  return memory;
});
await part('beats', async () => {
  const size = quick ? { hosts: 2_000, seconds: 6 } : { hosts: 10_000, seconds: 12 };
  const beats = await measureHeartbeats({ ...size, sessions: 4 });
  figures['beats'] = { brokerCore: beats.brokerCore, redisCore: beats.redisCore };
  return beats;
});
await part('brokers', async () => {
  const rows: BrokersFigures[] = [];
  for (const count of brokerCounts) {
    rows.push(await measureBrokers(count, { ...FLEET, inFlight: 400, seconds: quick ? 3 : 8 }));
  }
  process.stderr.write(`\n${renderBrokers(rows)}\n`);
  return rows;
});

/** Measures one part of the run. If it fails, the error is reported, and the other parts go on. */
async function part(name: Part, measure: () => Promise<unknown>): Promise<void> {
  if (!parts.has(name)) return;
  try {
    absolute[name] = await measure();
  } catch (error) {
    process.exitCode = 1;
    absolute[name] = { failed: error instanceof Error ? error.message : String(error) };
    reportProgress(
      `${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}

const machine = machineSeconds();
const seconds = (performance.now() - startedAtMs) / 1_000;
/** Cores that other processes of the machine used: noise in all figures above. */
const othersCores = (machine.all - machineBefore.all - (machine.own - machineBefore.own)) / seconds;
absolute['machine'] = { seconds, othersCores };
if (othersCores > QUIET_CORES) {
  reportProgress(
    `other processes used ${othersCores.toFixed(1)} cores of this machine: latencies and rates by the clock are not reliable`,
  );
}
figures['absolute'] = absolute;

const result = roundedFigures(figures) as Record<string, unknown>;
if (profile !== undefined && parts.has('match')) process.stderr.write(`\n${await renderProfile(profile)}\n`);
process.stderr.write(`\n${renderTargets(result)}\n\n`);
process.stdout.write(`${JSON.stringify(result, null, options.json ? undefined : 2)}\n`);

function roundedFigures(value: unknown): unknown {
  if (typeof value === 'number') return rounded(value, 4);
  if (Array.isArray(value)) return value.map(roundedFigures);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, roundedFigures(inner)]));
}

function renderBrokers(rows: readonly BrokersFigures[]): string {
  const share = (core: number): string => `${Math.round(core * 100)} %`;
  return [
    'brokers  matches/s   p50 ms   p99 ms  broker cores       Redis  loader  µs/match broker, Redis  hottest/mean  most/mean',
    ...rows.map((row) =>
      [
        String(row.brokers).padStart(7),
        String(Math.round(row.matchesPerSecond)).padStart(9),
        row.p50Ms.toFixed(1).padStart(7),
        row.p99Ms.toFixed(1).padStart(7),
        row.brokerCores.map(share).join(' ').padEnd(18),
        share(row.redisCore).padStart(5),
        share(row.loaderCore).padStart(6),
        `${Math.round(row.brokerMicros)}, ${Math.round(row.redisMicros)}`.padStart(22),
        row.hottestOverMean.toFixed(2).padStart(12),
        row.mostPlacedOverMean.toFixed(2).padStart(9),
      ].join('  '),
    ),
  ].join('\n');
}
