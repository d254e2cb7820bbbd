/**
 * Placements per second of each store, each with its release, by fleet size and batch size.
 *
 *     npm run bench:store -- [--json] [--hosts 100,1000,10000,100000] [--seconds 3] [--store memory,bare,redis]
 *
 * `bare` is the baseline of `redis`: scripts with only the same writes (`bare-store.ts`). Both are measured one directly
 * after the other, so that changes of the machine's speed affect their ratio little.
 */
import { parseArgs } from 'node:util';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { Redis } from 'ioredis';
import { startRedisServer } from '../support/redis/redis-server.js';
import { createBareStore } from './bare-store.js';
import { FILL, fillFleet, runLoad, SLOTS_PER_HOST, type LoadResult, type LoadShape } from './store-load.js';

interface Row extends LoadShape, LoadResult {
  readonly store: FleetStore['kind'] | 'bare';
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
const OPTIONS = { suspectAfterMs: 24 * 3_600_000 };

const WARM_UP_SECONDS = 0.5;

async function measure(
  name: Row['store'],
  store: Pick<FleetStore, 'reserve' | 'endSessions'>,
  hosts: number,
  seconds: number,
  cpuSeconds: () => Promise<number | null>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const shape of SHAPES) {
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

async function benchMemory(hosts: number, seconds: number): Promise<Row[]> {
  const store = createMemoryStore(OPTIONS);
  await fillFleet(store, hosts);
  return measure('memory', store, hosts, seconds, () => Promise.resolve(null));
}

/** CPU time of a Redis server since its start. */
async function cpuSeconds(probe: Redis): Promise<number> {
  const info = await probe.info('cpu');
  const parts = /used_cpu_sys:([\d.]+)[^]*used_cpu_user:([\d.]+)/.exec(info);
  return Number(parts?.[1]) + Number(parts?.[2]);
}

async function benchRedis(hosts: number, seconds: number): Promise<Row[]> {
  const server = await startRedisServer();
  const probe = new Redis(server.url);
  const store = await createRedisStore({ ...OPTIONS, target: { kind: 'single', url: server.url } });
  try {
    await fillFleet(store, hosts);
    return await measure('redis', store, hosts, seconds, () => cpuSeconds(probe));
  } finally {
    probe.disconnect();
    await store.close();
    await server.stop();
  }
}

async function benchBare(hosts: number, seconds: number): Promise<Row[]> {
  const server = await startRedisServer();
  const probe = new Redis(server.url);
  const store = createBareStore(server.url, SLOTS_PER_HOST);
  try {
    await store.fill(hosts, Math.floor(hosts * SLOTS_PER_HOST * FILL));
    return await measure('bare', store, hosts, seconds, () => cpuSeconds(probe));
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
  console.log(`\n${[...floors(rows), ...ratios(rows)].join('\n')}`);
}

/** Ratio of the Redis store to its baseline. */
function floors(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const floor = rows.find(
      (other) => other.store === 'bare' && other.hosts === row.hosts && other.perCall === row.perCall,
    );
    if (row.store !== 'redis' || floor === undefined) return [];
    const ratio = row.perSecond / floor.perSecond;
    return [
      `redis, ${row.hosts} hosts, ${row.perCall} per call: ${ratio.toFixed(2)} of a bare script with the same writes`,
    ];
  });
}

/** Ratio of the rate with the largest fleet to that with the smallest: 1 when the rate does not depend on fleet size. */
function ratios(rows: readonly Row[]): string[] {
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

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    hosts: { type: 'string', default: '100,1000,10000,100000' },
    seconds: { type: 'string', default: '3' },
    store: { type: 'string', default: 'memory,bare,redis' },
  },
});
const rows: Row[] = [];
for (const hosts of values.hosts.split(',').map(Number)) {
  for (const store of values.store.split(',')) {
    const bench = BENCHES[store as keyof typeof BENCHES] as (typeof BENCHES)['redis'] | undefined;
    if (bench === undefined)
      throw new RangeError(
        `--store "${store}" is not valid. Give one or more of ${Object.keys(BENCHES).join(', ')}, separated by commas.`,
      );
    rows.push(...(await bench(hosts, Number(values.seconds))));
  }
}
if (values.json) console.log(JSON.stringify(rows, null, 2));
else printTable(rows);
