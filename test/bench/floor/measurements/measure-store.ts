import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createBareStore } from '../../bare-store.js';
import { FILL, fillFleet, runLoad, SLOTS_PER_HOST, type LoadShape } from '../../store-load.js';
import { startMeasuredRedis, type MeasuredRedis } from '../processes/start-servers.js';
import { median, numbers } from '../statistics.js';
import { reportProgress } from '../../progress.js';

export interface StoreOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Hosts of the large fleet. The small one has a hundred. */
  readonly manyHosts: number;
}

export interface StoreFigures {
  /** Placements a second, Redis store over bare scripts: the lowest ratio of all batch sizes. */
  readonly placement: number;
  readonly byBatch: readonly BatchFigures[];
  /** Cost of a placement with many hosts, over the cost with a hundred. */
  readonly growthMemory: number;
  readonly growthRedis: number;
  /** CPU microseconds of a placement and its release: in this process, and in Redis. */
  readonly memoryMicros: Growth;
  readonly redisMicros: Growth;
  /** Memory of Redis for one host with its sessions, all of them reserved. */
  readonly redisBytesPerHost: number;
  readonly sessionsPerHost: number;
}

interface Growth {
  readonly few: number;
  readonly many: number;
}

/** Medians over pairs of consecutive rounds. */
export interface BatchFigures {
  readonly perCall: number;
  /** Placements a second, store over bare scripts; and the same for each second of Redis's CPU time. */
  readonly rateRatio: number;
  readonly redisCoreRatio: number;
  readonly storePerSecond: number;
  readonly barePerSecond: number;
  /** Share of a core that Redis used. */
  readonly storeRedisCpu: number;
  readonly bareRedisCpu: number;
}

const BATCHES: readonly LoadShape[] = [
  { perCall: 64, inFlight: 8 },
  { perCall: 256, inFlight: 4 },
];
const GROWTH_SHAPE: LoadShape = { perCall: 64, inFlight: 8 };
const FEW_HOSTS = 100;
const PLACEMENT_HOSTS = 1_000;
const WARM_UP_SECONDS = 0.5;

/** There are no heartbeats here, so hosts must not become suspect. */
const OPTIONS = { suspectAfterMs: 24 * 3_600_000 };

type Placing = Pick<FleetStore, 'reserve' | 'endSessions'>;

export async function measureStore(options: StoreOptions): Promise<StoreFigures> {
  const placement = await measurePlacement(options);
  const memory = await measureMemoryGrowth(options);
  const redis = await measureRedisGrowth(options);
  return {
    ...placement,
    growthMemory: memory.many / memory.few,
    growthRedis: redis.many / redis.few,
    memoryMicros: memory,
    redisMicros: redis,
    redisBytesPerHost: redis.bytesPerHost,
    sessionsPerHost: SLOTS_PER_HOST * FILL,
  };
}

async function measurePlacement({
  rounds,
  seconds,
}: StoreOptions): Promise<Pick<StoreFigures, 'placement' | 'byBatch'>> {
  const redis = await openRedisStore(PLACEMENT_HOSTS);
  const server = await startMeasuredRedis();
  const store = createBareStore(server.url, SLOTS_PER_HOST);
  try {
    await store.fill(PLACEMENT_HOSTS, Math.floor(PLACEMENT_HOSTS * SLOTS_PER_HOST * FILL));
    const byBatch: BatchFigures[] = [];
    for (const shape of BATCHES) {
      const what = `Redis store and bare scripts in turn, ${PLACEMENT_HOSTS} hosts, ${shape.perCall} per call`;
      const [ours = [], bare = []] = await inTurns(what, rounds, [redis, { store, server }], (side) =>
        placeOn(side, shape, seconds),
      );
      const ratio = (of: (placed: Placed) => number): number =>
        median(ours.map((placed, i) => of(placed) / of(bare[i] ?? placed)));
      const middle = (side: readonly Placed[], of: (placed: Placed) => number): number =>
        median(side.map(of));
      byBatch.push({
        perCall: shape.perCall,
        rateRatio: ratio(({ perSecond }) => perSecond),
        redisCoreRatio: ratio(({ perSecond, redisCpu }) => perSecond / redisCpu),
        storePerSecond: middle(ours, ({ perSecond }) => perSecond),
        barePerSecond: middle(bare, ({ perSecond }) => perSecond),
        storeRedisCpu: middle(ours, ({ redisCpu }) => redisCpu),
        bareRedisCpu: middle(bare, ({ redisCpu }) => redisCpu),
      });
    }
    return { placement: Math.min(...byBatch.map(({ rateRatio }) => rateRatio)), byBatch };
  } finally {
    store.close();
    await server.stop();
    await redis.close();
  }
}

interface Placed {
  readonly perSecond: number;
  readonly redisCpu: number;
}

async function placeOn({ store, server }: RedisSide, shape: LoadShape, seconds: number): Promise<Placed> {
  const before = server.cpuSeconds();
  const startedAtMs = performance.now();
  const { perSecond } = await runLoad(store, shape, seconds);
  const elapsed = (performance.now() - startedAtMs) / 1_000;
  return { perSecond, redisCpu: (server.cpuSeconds() - before) / elapsed };
}

async function measureMemoryGrowth({ rounds, seconds, manyHosts }: StoreOptions): Promise<Growth> {
  const sides: { readonly store: FleetStore }[] = [];
  for (const hosts of [FEW_HOSTS, manyHosts]) {
    reportProgress(`store: ${hosts} hosts are added in memory`);
    const store = createMemoryStore(OPTIONS);
    await fillFleet(store, hosts);
    sides.push({ store });
  }
  const [few = [], many = []] = await inTurns(
    'few and many hosts in memory',
    rounds,
    sides,
    async ({ store }) => {
      const before = process.cpuUsage();
      const placed = await placements(store, seconds);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / placed;
    },
  );
  return { few: median(few), many: median(many) };
}

async function measureRedisGrowth({
  rounds,
  seconds,
  manyHosts,
}: StoreOptions): Promise<Growth & { readonly bytesPerHost: number }> {
  const sides = [];
  for (const hosts of [FEW_HOSTS, manyHosts]) {
    reportProgress(`store: ${hosts} hosts are added in Redis`);
    sides.push(await openRedisStore(hosts));
  }
  try {
    const [usedByFew = NaN, usedByMany = NaN] = await Promise.all(
      sides.map(({ server }) => server.usedBytes()),
    );
    const [few = [], many = []] = await inTurns(
      'few and many hosts in Redis',
      rounds,
      sides,
      async ({ store, server }) => {
        const before = server.cpuSeconds();
        const placed = await placements(store, seconds);
        return ((server.cpuSeconds() - before) * 1e6) / placed;
      },
    );
    return {
      few: median(few),
      many: median(many),
      bytesPerHost: (usedByMany - usedByFew) / (manyHosts - FEW_HOSTS),
    };
  } finally {
    for (const side of sides) await side.close();
  }
}

interface RedisSide {
  readonly store: Placing;
  readonly server: MeasuredRedis;
}

async function openRedisStore(hosts: number): Promise<RedisSide & { close(): Promise<void> }> {
  const server = await startMeasuredRedis();
  const store = await createRedisStore({ ...OPTIONS, target: { kind: 'single', url: server.url } });
  await fillFleet(store, hosts);
  return {
    store,
    server,
    async close() {
      await store.close();
      await server.stop();
    },
  };
}

async function placements(store: Placing, seconds: number): Promise<number> {
  const startedAtMs = performance.now();
  const { perSecond } = await runLoad(store, GROWTH_SHAPE, seconds);
  return (perSecond * (performance.now() - startedAtMs)) / 1_000;
}

/** Measures all sides in turn in each round, so that a machine that slows down favours none. */
async function inTurns<Side extends { readonly store: Placing }, Result>(
  what: string,
  rounds: number,
  sides: readonly Side[],
  measure: (side: Side) => Promise<Result>,
): Promise<Result[][]> {
  for (const { store } of sides) await runLoad(store, GROWTH_SHAPE, WARM_UP_SECONDS);
  const found: Result[][] = sides.map(() => []);
  for (const round of numbers(rounds)) {
    reportProgress(`store: ${what}, round ${round + 1} of ${rounds}`);
    for (const [i, side] of sides.entries()) found[i]?.push(await measure(side));
  }
  return found;
}
