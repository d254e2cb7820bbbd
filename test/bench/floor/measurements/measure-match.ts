import { join } from 'node:path';
import { coresOfThisMachine, cpuSeconds, pin, type BenchProcess } from '../processes/bench-process.js';
import type { FleetOrder, LoadOrder } from '../processes/load-generator.js';
import type { LoadOutcome } from '../load/match-load.js';
import type { LoopDelay } from '../processes/runtime-probe.js';
import {
  startBroker,
  startFloor,
  startLoadGenerator,
  startMeasuredRedis,
  type MeasuredRedis,
  type Server,
} from '../processes/start-servers.js';
import { median, numbers } from '../statistics.js';
import { reportProgress } from '../../progress.js';

/** Sizes of the measurement. */
export interface MatchOptions {
  /** Periods of saturating load, on broker and floor in turn. */
  readonly rounds: number;
  readonly seconds: number;
  /** Periods of one second at half rate. They are short because a shared machine pauses processes for 10 ms at times. */
  readonly halfRateSeconds: number;
  readonly inFlight: number;
  readonly hosts: number;
  readonly slots: number;
  readonly players: number;
  /** Folder for CPU profiles; no profiles when absent. */
  readonly profileDirectory?: string | undefined;
}

/** Figures of one server under saturating load: medians over the rounds. */
export interface Saturated {
  readonly matchesPerSecond: number;
  /** Matches for each second of its CPU time: the capacity of one core, even if something else was the limit. */
  readonly matchesPerCoreSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of a core. */
  readonly cpu: Shares;
  readonly frameBytesPerMatch: { readonly sent: number; readonly received: number };
  readonly redisBytesPerMatch: { readonly received: number; readonly sent: number };
}

/**
 * Figures of one server at half of the broker's saturated rate: medians over the rounds, but the lowest of the 99th
 * percentiles. Other processes of the machine only ever increase these, so the quietest round describes the server best.
 */
export interface AtHalfRate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Lateness of the loader's requests, which is part of the times above. */
  readonly loaderLateP99Ms: number;
  readonly loopDelayP99Ms: number;
  readonly p99MsOfRounds: readonly number[];
  readonly loopDelayP99MsOfRounds: readonly number[];
  readonly cpu: Shares;
}

/** Shares of a core. */
export interface Shares {
  readonly server: number;
  readonly redis: number;
  readonly loader: number;
}

/** Matches of broker and floor. */
export interface MatchFigures {
  readonly pinned: boolean;
  readonly saturated: { readonly broker: Saturated; readonly floor: Saturated };
  readonly halfRate: { readonly broker: AtHalfRate; readonly floor: AtHalfRate };
  /** Matches a second, broker over floor: the median over pairs of consecutive rounds. */
  readonly rateRatio: number;
  /** Likewise, for each second of their CPU time. */
  readonly coreRatio: number;
  readonly p99Ratio: number;
}

/** The broker or the floor, with its Redis. */
interface Side {
  readonly name: 'broker' | 'floor';
  readonly server: Server;
  readonly redis: MeasuredRedis;
}

interface LoadPeriod extends LoadOutcome {
  readonly cpu: Shares;
  readonly serverSeconds: number;
  readonly redisBytesPerMatch: { readonly received: number; readonly sent: number };
  readonly loopDelay: LoopDelay;
}

const WARM_UP_MS = 2_000;
const PROFILE_MS = 6_000;

/** Limit of matches in flight at half rate: half of the slots of the fleet. */
const MOST_IN_FLIGHT = 400;

/** Measures broker and floor, each with its own Redis, in turns under the same load. */
export async function measureMatch(options: MatchOptions): Promise<MatchFigures> {
  const { rounds, seconds, inFlight, profileDirectory } = options;
  const stops: (() => Promise<void>)[] = [];
  const stopLater = <Started extends { stop(): Promise<void> }>(started: Started): Started => {
    stops.push(() => started.stop());
    return started;
  };
  try {
    const redises = {
      broker: stopLater(await startMeasuredRedis()),
      floor: stopLater(await startMeasuredRedis()),
    };
    const broker = stopLater(await startBroker({ redisUrl: redises.broker.url, probed: true }));
    const floor = stopLater(await startFloor(redises.floor.url));
    const loader = stopLater(startLoadGenerator());
    const sides: Side[] = [
      { name: 'broker', server: broker, redis: redises.broker },
      { name: 'floor', server: floor, redis: redises.floor },
    ];
    const pinned = pinAll(sides, loader);
    reportProgress(
      `match: ${options.players} players and ${options.hosts} hosts connect to broker and floor`,
    );
    for (const { name, server } of sides) {
      const order: FleetOrder = { ...options, fleet: name, urls: [server.url] };
      await loader.request('openFleet', order);
      await run(sides, loader, name, { inFlight, forMs: WARM_UP_MS });
    }

    const saturated = await measureInTurns(sides, rounds, async (side, round) => {
      reportProgress(`match: ${side.name} saturated, ${round + 1} of ${rounds}`);
      return run(sides, loader, side.name, { inFlight, forMs: seconds * 1_000 });
    });
    const perSecond = median(saturated.broker.map((period) => period.perSecond)) / 2;
    const { halfRateSeconds } = options;
    const halfRate = await measureInTurns(sides, halfRateSeconds, async (side, round) => {
      reportProgress(
        `match: ${side.name} at ${Math.round(perSecond)} a second, ${round + 1} of ${halfRateSeconds}`,
      );
      return run(sides, loader, side.name, { perSecond, inFlight: MOST_IN_FLIGHT, forMs: 1_000 });
    });
    // After the measurements, because a profiler slows the server down.
    for (const { name, server } of profileDirectory === undefined ? [] : sides) {
      for (const [kind, load] of [
        ['saturated', { inFlight }],
        ['half', { inFlight: MOST_IN_FLIGHT, perSecond }],
      ] as const) {
        reportProgress(`match: a profile of ${name}, ${kind}`);
        await server.request('startProfile');
        await run(sides, loader, name, { ...load, forMs: PROFILE_MS });
        await server.request('writeProfile', join(profileDirectory ?? '', `${name}-${kind}.cpuprofile`));
      }
    }
    return {
      pinned,
      saturated: { broker: asSaturated(saturated.broker), floor: asSaturated(saturated.floor) },
      halfRate: { broker: asHalfRate(halfRate.broker), floor: asHalfRate(halfRate.floor) },
      rateRatio: ratio(saturated, ({ perSecond: rate }) => rate),
      coreRatio: ratio(saturated, perCoreSecond),
      p99Ratio: asHalfRate(halfRate.broker).p99Ms / asHalfRate(halfRate.floor).p99Ms,
    };
  } finally {
    // In reverse order: the loader stops first, so that the servers have no connections to close.
    for (const stop of stops.reverse()) await stop();
  }
}

type BothSides = Record<Side['name'], LoadPeriod[]>;

async function measureInTurns(
  sides: readonly Side[],
  rounds: number,
  measure: (side: Side, round: number) => Promise<LoadPeriod>,
): Promise<BothSides> {
  const periods: BothSides = { broker: [], floor: [] };
  for (const round of numbers(rounds)) {
    // The order alternates, so that a machine that slows down favours neither server.
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      periods[side.name].push(await measure(side, round));
    }
  }
  return periods;
}

async function run(
  sides: readonly Side[],
  loader: BenchProcess,
  name: Side['name'],
  load: Omit<LoadOrder, 'fleet'>,
): Promise<LoadPeriod> {
  const side = sides.find((known) => known.name === name);
  if (side === undefined) throw new Error(`There is no server ${name}.`);
  const { server, redis } = side;
  const readCpuSeconds = (): Shares => ({
    server: cpuSeconds(server.pid),
    redis: redis.cpuSeconds(),
    loader: cpuSeconds(loader.pid),
  });
  await server.request('watchDelay');
  const trafficBefore = await redis.traffic();
  const before = readCpuSeconds();
  const startedAtMs = performance.now();
  const order: LoadOrder = { ...load, fleet: name };
  const outcome = await loader.request<LoadOutcome>('load', order);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const after = readCpuSeconds();
  const trafficAfter = await redis.traffic();
  const { matches } = outcome;
  return {
    ...outcome,
    cpu: {
      server: (after.server - before.server) / seconds,
      redis: (after.redis - before.redis) / seconds,
      loader: (after.loader - before.loader) / seconds,
    },
    serverSeconds: after.server - before.server,
    redisBytesPerMatch: {
      received: (trafficAfter.received - trafficBefore.received) / matches,
      sent: (trafficAfter.sent - trafficBefore.sent) / matches,
    },
    loopDelay: await server.request<LoopDelay>('readDelay'),
  };
}

function pinAll(sides: readonly Side[], loader: BenchProcess): boolean {
  const cores = coresOfThisMachine();
  const pins: [number, number][] = [
    [loader.pid, cores.loader],
    ...sides.flatMap(({ server, redis }): [number, number][] => [
      [server.pid, cores.measured],
      [redis.pid, cores.redis],
    ]),
  ];
  return pins.map(([pid, core]) => pin(pid, core)).every(Boolean);
}

function perCoreSecond({ matches, serverSeconds }: LoadPeriod): number {
  return matches / serverSeconds;
}

/** Broker over floor, for pairs of consecutive periods. */
function ratio({ broker, floor }: BothSides, read: (period: LoadPeriod) => number): number {
  return median(
    broker.map((period, round) => {
      const floorPeriod = floor[round];
      return floorPeriod === undefined ? NaN : read(period) / read(floorPeriod);
    }),
  );
}

function asSaturated(periods: readonly LoadPeriod[]): Saturated {
  const medianOf = (read: (period: LoadPeriod) => number): number => median(periods.map(read));
  return {
    matchesPerSecond: medianOf(({ perSecond }) => perSecond),
    matchesPerCoreSecond: medianOf(perCoreSecond),
    p50Ms: medianOf(({ matchMs }) => matchMs.p50),
    p99Ms: medianOf(({ matchMs }) => matchMs.p99),
    cpu: shares(periods),
    frameBytesPerMatch: {
      sent: medianOf(({ bytes }) => bytes.sent),
      received: medianOf(({ bytes }) => bytes.received),
    },
    redisBytesPerMatch: {
      received: medianOf(({ redisBytesPerMatch }) => redisBytesPerMatch.received),
      sent: medianOf(({ redisBytesPerMatch }) => redisBytesPerMatch.sent),
    },
  };
}

function asHalfRate(periods: readonly LoadPeriod[]): AtHalfRate {
  const lowestOf = (read: (period: LoadPeriod) => number): number => Math.min(...periods.map(read));
  const medianOf = (read: (period: LoadPeriod) => number): number => median(periods.map(read));
  return {
    perSecond: medianOf(({ perSecond }) => perSecond),
    p50Ms: medianOf(({ matchMs }) => matchMs.p50),
    p99Ms: lowestOf(({ matchMs }) => matchMs.p99),
    p99MsOfRounds: periods.map(({ matchMs }) => matchMs.p99),
    loaderLateP99Ms: lowestOf(({ lateMs }) => lateMs.p99),
    loopDelayP99Ms: lowestOf(({ loopDelay }) => loopDelay.p99Ms),
    loopDelayP99MsOfRounds: periods.map(({ loopDelay }) => loopDelay.p99Ms),
    cpu: shares(periods),
  };
}

function shares(periods: readonly LoadPeriod[]): Shares {
  const medianOf = (read: (shares: Shares) => number): number => median(periods.map(({ cpu }) => read(cpu)));
  return {
    server: medianOf(({ server }) => server),
    redis: medianOf(({ redis }) => redis),
    loader: medianOf(({ loader }) => loader),
  };
}
