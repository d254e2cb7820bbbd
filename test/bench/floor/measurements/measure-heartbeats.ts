import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../processes/bench-process.js';
import type { BeatOrder } from '../processes/load-generator.js';
import type { LoopDelay } from '../processes/runtime-probe.js';
import { startBroker, startLoadGenerator, startMeasuredRedis } from '../processes/start-servers.js';

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

/** With less than this share of the heartbeats sent, or a broker so late, a machine was too busy for the figures to mean anything. */
const LEAST_SENT = 0.95;
const MOST_DELAY_MS = 1_000;

const PLACES = ['near', 'next', 'far'].flatMap((region) =>
  ['console-x', 'pc-ultra'].map((pool) => ({ region, pool })),
);

/** Every host has been reconciled, and whatever that set off is over. */
const CALM_MS = 6_000;

/** What the heartbeats of a large fleet cost one broker and Redis, with everything that recurs beside them. */
export async function measureHeartbeats(
  options: HeartbeatOptions,
  say: (text: string) => void,
): Promise<HeartbeatFigures> {
  const { hosts, sessions, seconds } = options;
  const redis = await startMeasuredRedis();
  const broker = await startBroker({ redisUrl: redis.url, probed: true });
  const loader = startLoadGenerator();
  try {
    say(`beats: ${hosts} hosts with ${sessions} sessions each register`);
    const order: BeatOrder = { url: broker.url, places: PLACES, hosts, sessions };
    await loader.ask('openBeating', order);
    await delay(CALM_MS);
    say(`beats: for ${seconds} s`);
    const read = (): number[] => [cpuSeconds(broker.pid), redis.cpuSeconds(), cpuSeconds(loader.pid)];
    await broker.ask('watchDelay');
    const sentBefore = await loader.ask<number>('countBeats');
    const before = read();
    const startedAtMs = performance.now();
    await delay(seconds * 1_000);
    const elapsed = (performance.now() - startedAtMs) / 1_000;
    const after = read();
    const loopDelay = await broker.ask<LoopDelay>('readDelay');
    const beatsPerSecond = ((await loader.ask<number>('countBeats')) - sentBefore) / elapsed;
    await loader.ask('checkTroubles');
    if (beatsPerSecond < (LEAST_SENT * hosts) / INTERVAL_SECONDS || loopDelay.p99Ms > MOST_DELAY_MS) {
      const rate = Math.round(beatsPerSecond);
      const delayMs = Math.round(loopDelay.p99Ms);
      throw new Error(`the machine is too busy: ${rate} heartbeats a second, event loop ${delayMs} ms late`);
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
