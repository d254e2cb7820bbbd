/** Measures how many placements per second each store makes, by fleet size and batch size. `USAGE` describes the options. */
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { Redis } from 'ioredis';
import { startRedisServer } from '../support/redis/redis-server.js';
import { createBareStore } from './bare-store.js';
import { readCounts, readNames, readNumber, readOptions } from './command-line.js';
import { reportProgress } from './progress.js';
import { FILL, fillFleet, runLoad, SLOTS_PER_HOST, type LoadResult, type LoadShape } from './store-load.js';

const STORES = ['memory', 'bare', 'redis'] as const;

const USAGE = `Measures how many placements per second each store makes, each with its release, by fleet size and batch size.

  npm run bench:store -- [options]

  --hosts COUNTS     fleet sizes, separated by commas (default: 100,1000,10000,100000)
  --seconds N        length of each measurement, after a warm-up of 0.5 s (default: 3)
  --store STORES     measure only these, separated by commas: memory, bare, redis (default: all)
  --json             print the figures as JSON instead of a table
  --help             print this text

bare is the baseline of redis: scripts with only the same writes. Both are measured one directly after the other, so that
changes of the machine's speed affect their ratio little. Progress goes to standard error, the figures to standard output.
`;

const options = readOptions(USAGE, {
  hosts: { type: 'string', default: '100,1000,10000,100000' },
  seconds: { type: 'string', default: '3' },
  store: { type: 'string', default: STORES.join() },
  json: { type: 'boolean', default: false },
});
const fleetSizes = readCounts('--hosts', options.hosts);
const seconds = readNumber('--seconds', options.seconds);
const stores = readNames('--store', options.store, STORES);

interface Row extends LoadShape, LoadResult {
  readonly store: (typeof STORES)[number];
  readonly hosts: number;
  /** Share of one CPU that the Redis process used; `null` for the memory store. */
  readonly redisCpu: number | null;
}

/** Many single calls in flight, like many players; few batches in flight, like few brokers. */
const SHAPES: readonly LoadShape[] = [
  { perCall: 1, inFlight: 64 },
  { perCall: 64, inFlight: 8 },
  { perCall: 256, inFlight: 4 },
];

/** Long, because the hosts of this bench send no heartbeats. */
const STORE_OPTIONS = { suspectAfterMs: 24 * 3_600_000 };

const WARM_UP_SECONDS = 0.5;

async function measure(
  name: Row['store'],
  store: Pick<FleetStore, 'reserve' | 'endSessions'>,
  hosts: number,
  cpuSeconds: () => Promise<number | null>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const shape of SHAPES) {
    reportProgress(`store: ${name}, ${hosts} hosts, ${shape.perCall} per call`);
    await runLoad(store, shape, WARM_UP_SECONDS);
    const before = await cpuSeconds();
    const startedAt = performance.now();
    const result = await runLoad(store, shape, seconds);
    const elapsed = (performance.now() - startedAt) / 1_000;
    const after = await cpuSeconds();
    const redisCpu = before === null || after === null ? null : (after - before) / elapsed;
    rows.push({ store: name, hosts, ...shape, ...result, redisCpu });
  }
  return rows;
}

async function benchMemory(hosts: number): Promise<Row[]> {
  const store = createMemoryStore(STORE_OPTIONS);
  await fillFleet(store, hosts);
  return measure('memory', store, hosts, () => Promise.resolve(null));
}

/** CPU time of a Redis server since its start. */
async function cpuSeconds(probe: Redis): Promise<number> {
  const info = await probe.info('cpu');
  const parts = /used_cpu_sys:([\d.]+)[^]*used_cpu_user:([\d.]+)/.exec(info);
  return Number(parts?.[1]) + Number(parts?.[2]);
}

async function benchRedis(hosts: number): Promise<Row[]> {
  const server = await startRedisServer();
  const probe = new Redis(server.url);
  const store = await createRedisStore({ ...STORE_OPTIONS, target: { kind: 'single', url: server.url } });
  try {
    await fillFleet(store, hosts);
    return await measure('redis', store, hosts, () => cpuSeconds(probe));
  } finally {
    probe.disconnect();
    await store.close();
    await server.stop();
  }
}

async function benchBare(hosts: number): Promise<Row[]> {
  const server = await startRedisServer();
  const probe = new Redis(server.url);
  const store = createBareStore(server.url, SLOTS_PER_HOST);
  try {
    await store.fill(hosts, Math.floor(hosts * SLOTS_PER_HOST * FILL));
    return await measure('bare', store, hosts, () => cpuSeconds(probe));
  } finally {
    probe.disconnect();
    store.close();
    await server.stop();
  }
}

const BENCHES = { memory: benchMemory, bare: benchBare, redis: benchRedis };

function printTable(rows: readonly Row[]): void {
  console.log(`placements, each with its release; ${SLOTS_PER_HOST} slots a host, 60 % full\n`);
  console.log('store     hosts  per call  in flight  placements/s  call p50 ms  call p99 ms  Redis CPU');
  for (const row of rows) {
    const cells = [
      row.store.padEnd(6),
      String(row.hosts).padStart(8),
      String(row.perCall).padStart(9),
      String(row.inFlight).padStart(10),
      row.perSecond.toLocaleString('en').padStart(13),
      row.callP50Ms.toFixed(2).padStart(12),
      row.callP99Ms.toFixed(2).padStart(12),
      (row.redisCpu === null ? '' : `${Math.round(row.redisCpu * 100)} %`).padStart(10),
    ];
    console.log(cells.join(' ') + (row.refused === 0 ? '' : `  ${row.refused} refused`));
  }
  console.log(`\n${[...ratiosToBaseline(rows), ...ratiosOfSizes(rows)].join('\n')}`);
}

/** Rate of the Redis store divided by that of its baseline. */
function ratiosToBaseline(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const baseline = rows.find(
      (other) => other.store === 'bare' && other.hosts === row.hosts && other.perCall === row.perCall,
    );
    if (row.store !== 'redis' || baseline === undefined) return [];
    const ratio = row.perSecond / baseline.perSecond;
    return [
      `redis, ${row.hosts} hosts, ${row.perCall} per call: ${ratio.toFixed(2)} of a bare script with the same writes`,
    ];
  });
}

/** Rate with the largest fleet divided by that with the smallest: 1 when the rate does not depend on fleet size. */
function ratiosOfSizes(rows: readonly Row[]): string[] {
  const sizes = rows.map((row) => row.hosts);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const rate = (like: Row, hosts: number): number =>
    rows.find((row) => row.store === like.store && row.perCall === like.perCall && row.hosts === hosts)
      ?.perSecond ?? NaN;
  return rows
    .filter((row) => row.hosts === least && most > least)
    .map((row) => {
      const ratio = rate(row, most) / rate(row, least);
      return `${row.store}, ${row.perCall} per call: ${most} hosts run at ${ratio.toFixed(2)} of the rate of ${least}`;
    });
}

const rows: Row[] = [];
for (const hosts of fleetSizes) {
  for (const store of stores) {
    reportProgress(`store: ${store}, ${hosts} hosts are added`);
    rows.push(...(await BENCHES[store](hosts)));
  }
}
if (options.json) console.log(JSON.stringify(rows, null, 2));
else printTable(rows);
