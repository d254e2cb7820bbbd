import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../processes/bench-process.js';
import type { HeartbeatOrder } from '../processes/load-generator.js';
import type { LoopDelay } from '../processes/runtime-probe.js';
import { startBroker, startLoadGenerator, startMeasuredRedis } from '../processes/start-servers.js';
import { reportProgress } from '../../progress.js';

export interface HeartbeatOptions {
  readonly hosts: number;
  /** Sessions that each host lists in every heartbeat. */
  readonly sessions: number;
  readonly seconds: number;
}

export interface HeartbeatFigures extends HeartbeatOptions {
  /** Shares of a core. */
  readonly brokerCore: number;
  readonly redisCore: number;
  readonly loaderCore: number;
  readonly loopDelayP99Ms: number;
  readonly beatsPerSecond: number;
}

const INTERVAL_SECONDS = 2;

/** If fewer heartbeats were sent, or the event loop was later, the machine was too busy for reliable figures. */
const LEAST_SENT = 0.95;
const MOST_DELAY_MS = 1_000;

const REGION_POOLS = ['near', 'next', 'far'].flatMap((region) =>
  ['console-x', 'pc-ultra'].map((pool) => ({ region, pool })),
);

/** By then every host has been reconciled, and the work that follows is done. */
const CALM_MS = 6_000;

/** Measures the cost of the heartbeats of a large fleet for one broker and Redis, with all other recurring work. */
export async function measureHeartbeats(options: HeartbeatOptions): Promise<HeartbeatFigures> {
  const { hosts, sessions, seconds } = options;
  const redis = await startMeasuredRedis();
  const broker = await startBroker({ redisUrl: redis.url, probed: true });
  const loader = startLoadGenerator();
  try {
    reportProgress(`beats: ${hosts} hosts with ${sessions} sessions each register`);
    const order: HeartbeatOrder = { url: broker.url, regionPools: REGION_POOLS, hosts, sessions };
    await loader.request('openHeartbeatFleet', order);
    await delay(CALM_MS);
    reportProgress(`beats: for ${seconds} s`);
    const read = (): number[] => [cpuSeconds(broker.pid), redis.cpuSeconds(), cpuSeconds(loader.pid)];
    await broker.request('watchDelay');
    const sentBefore = await loader.request<number>('countHeartbeats');
    const before = read();
    const startedAtMs = performance.now();
    await delay(seconds * 1_000);
    const elapsed = (performance.now() - startedAtMs) / 1_000;
    const after = read();
    const loopDelay = await broker.request<LoopDelay>('readDelay');
    const beatsPerSecond = ((await loader.request<number>('countHeartbeats')) - sentBefore) / elapsed;
    await loader.request('checkFailures');
    if (beatsPerSecond < (LEAST_SENT * hosts) / INTERVAL_SECONDS || loopDelay.p99Ms > MOST_DELAY_MS) {
      const rate = Math.round(beatsPerSecond);
      const delayMs = Math.round(loopDelay.p99Ms);
      throw new Error(
        `The machine is too busy to measure: ${rate} heartbeats a second were sent, and the event loop of the broker was ${delayMs} ms late.`,
      );
    }
    const [brokerCore = NaN, redisCore = NaN, loaderCore = NaN] = after.map(
      (value, i) => (value - (before[i] ?? NaN)) / elapsed,
    );
    return { ...options, brokerCore, redisCore, loaderCore, loopDelayP99Ms: loopDelay.p99Ms, beatsPerSecond };
  } finally {
    await loader.stop();
    await broker.stop();
    await redis.stop();
  }
}
