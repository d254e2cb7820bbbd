import { cpuSeconds } from '../processes/bench-process.js';
import type { FleetOrder, LoadOrder } from '../processes/load-generator.js';
import type { LoadOutcome } from '../load/match-load.js';
import {
  startBroker,
  startLoadGenerator,
  startMeasuredRedis,
  type Server,
} from '../processes/start-servers.js';
import { numbers } from '../statistics.js';
import { reportProgress } from '../../progress.js';

export interface BrokersOptions {
  readonly seconds: number;
  readonly inFlight: number;
  readonly hosts: number;
  readonly slots: number;
  readonly players: number;
}

/** Figures of several saturated brokers on one Redis. Players and hosts are spread over all brokers. */
export interface BrokersFigures {
  readonly brokers: number;
  readonly matchesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of a core that each broker, Redis and the loader used. */
  readonly brokerCores: readonly number[];
  readonly redisCore: number;
  readonly loaderCore: number;
  /** CPU microseconds for each match, of all brokers and of Redis. */
  readonly brokerMicros: number;
  readonly redisMicros: number;
  /** Frames with a state that the session had left before, for each thousand matches. */
  readonly wentBackPerThousand: number;
  /** The most sessions of one host over the mean of all hosts, at the worst time. */
  readonly hottestOverMean: number;
  readonly mostPlacedOverMean: number;
}

const WARM_UP_MS = 2_000;

export async function measureBrokers(count: number, options: BrokersOptions): Promise<BrokersFigures> {
  const { seconds, inFlight } = options;
  const redis = await startMeasuredRedis();
  const brokers: Server[] = [];
  const loader = startLoadGenerator();
  try {
    for (const _ of numbers(count)) brokers.push(await startBroker({ redisUrl: redis.url }));
    reportProgress(`brokers: ${count} on one Redis`);
    const order: FleetOrder = { ...options, fleet: 'brokers', urls: brokers.map(({ url }) => url) };
    await loader.request('openFleet', order);
    const load = (forMs: number): Promise<LoadOutcome> => {
      const order: LoadOrder = { fleet: 'brokers', inFlight, forMs };
      return loader.request('load', order);
    };
    await load(WARM_UP_MS);
    const read = (): number[] => [
      redis.cpuSeconds(),
      cpuSeconds(loader.pid),
      ...brokers.map(({ pid }) => cpuSeconds(pid)),
    ];
    const before = read();
    const startedAtMs = performance.now();
    const outcome = await load(seconds * 1_000);
    const elapsed = (performance.now() - startedAtMs) / 1_000;
    const used = read().map((value, i) => value - (before[i] ?? NaN));
    const [redisSeconds = NaN, loaderSeconds = NaN, ...brokerSeconds] = used;
    const microsPerMatch = (cpu: number): number => (cpu * 1e6) / outcome.matches;
    return {
      brokers: count,
      matchesPerSecond: outcome.perSecond,
      p50Ms: outcome.matchMs.p50,
      p99Ms: outcome.matchMs.p99,
      brokerCores: brokerSeconds.map((cpu) => cpu / elapsed),
      redisCore: redisSeconds / elapsed,
      loaderCore: loaderSeconds / elapsed,
      brokerMicros: microsPerMatch(brokerSeconds.reduce((sum, cpu) => sum + cpu, 0)),
      redisMicros: microsPerMatch(redisSeconds),
      wentBackPerThousand: (outcome.wentBack * 1_000) / outcome.matches,
      hottestOverMean: outcome.hottestOverMean,
      mostPlacedOverMean: outcome.mostPlacedOverMean,
    };
  } finally {
    await loader.stop();
    for (const broker of brokers) await broker.stop();
    await redis.stop();
  }
}
