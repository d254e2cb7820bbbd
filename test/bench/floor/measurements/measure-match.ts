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

export interface MatchOptions {
  /** Stretches of load of each kind, on broker and floor in turn. */
  readonly rounds: number;
  readonly seconds: number;
  /** Seconds at half rate, one by one: a machine that is not ours alone stops somebody for ten milliseconds now and then. */
  readonly halfRateSeconds: number;
  readonly inFlight: number;
  readonly hosts: number;
  readonly slots: number;
  readonly players: number;
  /** Where CPU profiles go; none when absent. */
  readonly profileDirectory?: string | undefined;
}

/** One side, saturated: medians over the rounds. */
export interface Saturated {
  readonly matchesPerSecond: number;
  /** Matches per second of its CPU time: what one whole core of it carries, whoever is the limit. */
  readonly matchesPerCoreSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of a core. */
  readonly cpu: Shares;
  readonly frameBytesPerMatch: { readonly sent: number; readonly received: number };
  readonly redisBytesPerMatch: { readonly received: number; readonly sent: number };
}

/**
 * One side at half of the broker's rate: medians over the rounds, but the least of the 99th percentiles. What else runs on
 * a machine only ever adds to those, and the quietest round says most about the server.
 */
export interface AtHalfRate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the loader asked, which is part of the above. */
  readonly loaderLateP99Ms: number;
  readonly loopDelayP99Ms: number;
  readonly p99MsOfRounds: readonly number[];
  readonly loopDelayP99MsOfRounds: readonly number[];
  readonly cpu: Shares;
}

export interface Shares {
  readonly server: number;
  readonly redis: number;
  readonly loader: number;
}

export interface MatchFigures {
  readonly pinned: boolean;
  readonly saturated: { readonly broker: Saturated; readonly floor: Saturated };
  readonly halfRate: { readonly broker: AtHalfRate; readonly floor: AtHalfRate };
  /** Matches per second, broker over floor, from rounds that followed one another; the median. */
  readonly rateRatio: number;
  /** Likewise, per second of their own CPU time. */
  readonly coreRatio: number;
  readonly p99Ratio: number;
}

/** A server with its Redis. */
interface Side {
  readonly name: 'broker' | 'floor';
  readonly server: Server;
  readonly redis: MeasuredRedis;
}

interface Stretch extends LoadOutcome {
  readonly cpu: Shares;
  readonly serverSeconds: number;
  readonly redisBytesPerMatch: { readonly received: number; readonly sent: number };
  readonly loopDelay: LoopDelay;
}

const WARM_UP_MS = 2_000;
const PROFILE_MS = 6_000;

/** At a rate; half of the fleet's slots. */
const MOST_IN_FLIGHT = 400;

/** A broker beside the floor, each with a Redis of its own, in turns under the same load. */
export async function measureMatch(
  options: MatchOptions,
  say: (text: string) => void,
): Promise<MatchFigures> {
  const { rounds, seconds, inFlight, profileDirectory } = options;
  const stops: (() => Promise<void>)[] = [];
  const keep = <Stoppable extends { stop(): Promise<void> }>(what: Stoppable): Stoppable => {
    stops.push(() => what.stop());
    return what;
  };
  try {
    const redises = { broker: keep(await startMeasuredRedis()), floor: keep(await startMeasuredRedis()) };
    const broker = keep(await startBroker({ redisUrl: redises.broker.url, probed: true }));
    const floor = keep(await startFloor(redises.floor.url));
    const loader = keep(startLoadGenerator());
    const sides: Side[] = [
      { name: 'broker', server: broker, redis: redises.broker },
      { name: 'floor', server: floor, redis: redises.floor },
    ];
    const pinned = pinAll(sides, loader);
    say(`match: ${options.players} players and ${options.hosts} hosts connect to broker and floor`);
    for (const { name, server } of sides) {
      const order: FleetOrder = { ...options, fleet: name, urls: [server.url] };
      await loader.ask('openFleet', order);
      await run(sides, loader, name, { inFlight, forMs: WARM_UP_MS });
    }

    const saturated = await inTurns(sides, rounds, async (side, round) => {
      say(`match: ${side.name} saturated, ${round + 1} of ${rounds}`);
      return run(sides, loader, side.name, { inFlight, forMs: seconds * 1_000 });
    });
    const perSecond = median(saturated.broker.map((stretch) => stretch.perSecond)) / 2;
    const { halfRateSeconds } = options;
    const halfRate = await inTurns(sides, halfRateSeconds, async (side, round) => {
      say(`match: ${side.name} at ${Math.round(perSecond)} a second, ${round + 1} of ${halfRateSeconds}`);
      return run(sides, loader, side.name, { perSecond, inFlight: MOST_IN_FLIGHT, forMs: 1_000 });
    });
    // Apart from what was measured, for a profiler has its price.
    for (const { name, server } of profileDirectory === undefined ? [] : sides) {
      for (const [kind, load] of [
        ['saturated', { inFlight }],
        ['half', { inFlight: MOST_IN_FLIGHT, perSecond }],
      ] as const) {
        say(`match: a profile of ${name}, ${kind}`);
        await server.ask('startProfile');
        await run(sides, loader, name, { ...load, forMs: PROFILE_MS });
        await server.ask('writeProfile', join(profileDirectory ?? '', `${name}-${kind}.cpuprofile`));
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
    // The loader first: a server whose peers are gone has nobody to say good-bye to.
    for (const stop of stops.reverse()) await stop();
  }
}

type BothSides = Record<Side['name'], Stretch[]>;

async function inTurns(
  sides: readonly Side[],
  rounds: number,
  measure: (side: Side, round: number) => Promise<Stretch>,
): Promise<BothSides> {
  const stretches: BothSides = { broker: [], floor: [] };
  for (const round of numbers(rounds)) {
    // Who comes first changes, so that a machine that slows down favours nobody.
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      stretches[side.name].push(await measure(side, round));
    }
  }
  return stretches;
}

async function run(
  sides: readonly Side[],
  loader: BenchProcess,
  name: Side['name'],
  load: Omit<LoadOrder, 'fleet'>,
): Promise<Stretch> {
  const side = sides.find((known) => known.name === name);
  if (side === undefined) throw new Error(`no side ${name}`);
  const { server, redis } = side;
  const read = (): Shares => ({
    server: cpuSeconds(server.pid),
    redis: redis.cpuSeconds(),
    loader: cpuSeconds(loader.pid),
  });
  await server.ask('watchDelay');
  const traffic = await redis.traffic();
  const before = read();
  const startedAtMs = performance.now();
  const order: LoadOrder = { ...load, fleet: name };
  const outcome = await loader.ask<LoadOutcome>('load', order);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const after = read();
  const moved = await redis.traffic();
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
      received: (moved.received - traffic.received) / matches,
      sent: (moved.sent - traffic.sent) / matches,
    },
    loopDelay: await server.ask<LoopDelay>('readDelay'),
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

function perCoreSecond({ matches, serverSeconds }: Stretch): number {
  return matches / serverSeconds;
}

/** Broker over floor, from stretches that followed one another. */
function ratio({ broker, floor }: BothSides, of: (stretch: Stretch) => number): number {
  return median(
    broker.map((stretch, round) => {
      const beside = floor[round];
      return beside === undefined ? NaN : of(stretch) / of(beside);
    }),
  );
}

function asSaturated(stretches: readonly Stretch[]): Saturated {
  const middle = (of: (stretch: Stretch) => number): number => median(stretches.map(of));
  return {
    matchesPerSecond: middle(({ perSecond }) => perSecond),
    matchesPerCoreSecond: middle(perCoreSecond),
    p50Ms: middle(({ matchMs }) => matchMs.p50),
    p99Ms: middle(({ matchMs }) => matchMs.p99),
    cpu: shares(stretches),
    frameBytesPerMatch: {
      sent: middle(({ bytes }) => bytes.sent),
      received: middle(({ bytes }) => bytes.received),
    },
    redisBytesPerMatch: {
      received: middle(({ redisBytesPerMatch }) => redisBytesPerMatch.received),
      sent: middle(({ redisBytesPerMatch }) => redisBytesPerMatch.sent),
    },
  };
}

function asHalfRate(stretches: readonly Stretch[]): AtHalfRate {
  const least = (of: (stretch: Stretch) => number): number => Math.min(...stretches.map(of));
  const middle = (of: (stretch: Stretch) => number): number => median(stretches.map(of));
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    p50Ms: middle(({ matchMs }) => matchMs.p50),
    p99Ms: least(({ matchMs }) => matchMs.p99),
    p99MsOfRounds: stretches.map(({ matchMs }) => matchMs.p99),
    loaderLateP99Ms: least(({ lateMs }) => lateMs.p99),
    loopDelayP99Ms: least(({ loopDelay }) => loopDelay.p99Ms),
    loopDelayP99MsOfRounds: stretches.map(({ loopDelay }) => loopDelay.p99Ms),
    cpu: shares(stretches),
  };
}

function shares(stretches: readonly Stretch[]): Shares {
  const middle = (of: (shares: Shares) => number): number => median(stretches.map(({ cpu }) => of(cpu)));
  return {
    server: middle(({ server }) => server),
    redis: middle(({ redis }) => redis),
    loader: middle(({ loader }) => loader),
  };
}
