/**
 * The broker beside the floor made of the same parts, in one run on one machine: ratios, and absolute figures for
 * orientation only. The last line is one JSON object. It reads /proc: Linux only.
 *
 *     npm run bench -- [--json] [--quick] [--only match,store,memory,beats,start] [--brokers 1,2,4] [--profile <directory>]
 *
 * `--quick` is smaller and shorter, for continuous integration: its figures say less. `--brokers` measures so many brokers
 * on one Redis, and nothing else unless `--only` names it. `--profile` writes CPU profiles of broker and floor under the
 * load of `match`, after what is measured, and tells where the time went.
 */
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
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

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    brokers: { type: 'string' },
    profile: { type: 'string' },
  },
});
const { quick, profile } = values;
const PARTS = ['match', 'store', 'memory', 'beats', 'start'];
const wanted = new Set((values.only ?? (values.brokers === undefined ? PARTS.join() : '')).split(','));
wanted.delete('');
for (const name of wanted) {
  if (!PARTS.includes(name)) throw new RangeError(`--only takes ${PARTS.join(', ')}; not "${name}"`);
}
if (values.brokers !== undefined) wanted.add('brokers');

const say = (text: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

/** Room for everybody at 40 %, so that nobody spills or waits, and no host is asked for more than hosts may say. */
const FLEET = { hosts: 100, slots: 8, players: 1_000, inFlight: 256 };

const QUIET_CORES = 0.3;

const startedAtMs = performance.now();
const machineBefore = machineSeconds();
const ratios: Record<string, number> = {};
const figures: Record<string, unknown> = { ratios };
const absolute: Record<string, unknown> = {};

await part('start', async () => {
  const start = await measureStart(quick ? 3 : 7, quick ? 5 : 30, say);
  figures['startMs'] = start.startMs;
  figures['idleCpu'] = start.idleCpu;
  return start;
});
await part('match', async () => {
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const size = quick
    ? { rounds: 2, seconds: 2, halfRateSeconds: 4 }
    : { rounds: 6, seconds: 3, halfRateSeconds: 20 };
  const match = await measureMatch({ ...FLEET, ...size, profileDirectory: profile }, say);
  // Each is saturated, so that its core is its limit. Where something else is (a loader, a neighbour on the machine), a rate
  // by the clock says nothing of the server; the rate by its own CPU time does.
  ratios['matchThroughput'] = match.coreRatio;
  ratios['matchP99'] = match.p99Ratio;
  figures['loopDelayP99Ms'] = match.halfRate.broker.loopDelayP99Ms;
  return match;
});
await part('store', async () => {
  const size = quick
    ? { rounds: 2, seconds: 0.7, manyHosts: 10_000 }
    : { rounds: 5, seconds: 2, manyHosts: 100_000 };
  const store = await measureStore(size, say);
  ratios['storePlacement'] = store.placement;
  ratios['storeGrowthMemory'] = store.growthMemory;
  ratios['storeGrowthRedis'] = store.growthRedis;
  return { ...size, ...store };
});
await part('memory', async () => {
  const memory = await measureMemory(quick ? 1_000 : 5_000, say);
  ratios['idleMemory'] = memory.ratio;
  return memory;
});
await part('beats', async () => {
  const size = quick ? { hosts: 2_000, seconds: 6 } : { hosts: 10_000, seconds: 12 };
  const beats = await measureHeartbeats({ ...size, sessions: 4 }, say);
  figures['beats'] = { brokerCore: beats.brokerCore, redisCore: beats.redisCore };
  return beats;
});
await part('brokers', async () => {
  const rows: BrokersFigures[] = [];
  for (const count of (values.brokers ?? '').split(',').map(Number)) {
    rows.push(await measureBrokers(count, { ...FLEET, inFlight: 400, seconds: quick ? 3 : 8 }, say));
  }
  process.stderr.write(`\n${renderBrokers(rows)}\n`);
  return rows;
});

/** One part of the run. What goes wrong in it is told, and the others go on. */
async function part(name: string, measure: () => Promise<unknown>): Promise<void> {
  if (!wanted.has(name)) return;
  try {
    absolute[name] = await measure();
  } catch (error) {
    process.exitCode = 1;
    absolute[name] = { failed: error instanceof Error ? error.message : String(error) };
    say(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

const machine = machineSeconds();
const seconds = (performance.now() - startedAtMs) / 1_000;
/** Cores that whatever else ran on the machine used. What they took away is noise in every figure above. */
const othersCores = (machine.all - machineBefore.all - (machine.own - machineBefore.own)) / seconds;
absolute['machine'] = { seconds, othersCores };
if (othersCores > QUIET_CORES) {
  say(
    `others used ${othersCores.toFixed(1)} cores of this machine: latencies and times by the clock mean little`,
  );
}
figures['absolute'] = absolute;

const told = roundedFigures(figures) as Record<string, unknown>;
if (profile !== undefined && wanted.has('match')) process.stderr.write(`\n${await renderProfile(profile)}\n`);
process.stderr.write(`\n${renderTargets(told)}\n\n`);
process.stdout.write(`${JSON.stringify(told, null, values.json ? undefined : 2)}\n`);

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
