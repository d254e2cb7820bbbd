import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../processes/bench-process.js';
import { startBroker, startMeasuredRedis } from '../processes/start-servers.js';
import { median, numbers } from '../statistics.js';
import { reportProgress } from '../../progress.js';

export interface StartFigures {
  /** From the start of the process until `/readyz` answers 200, in milliseconds. */
  readonly startMs: { readonly memory: number; readonly redis: number };
  /** The shortest start of all rounds, and the median of their CPU times. */
  readonly leastMs: { readonly memory: number; readonly redis: number };
  readonly cpuMs: { readonly memory: number; readonly redis: number };
  /** Share of a core that a broker on Redis uses with nobody connected. */
  readonly idleCpu: number;
}

/** By then all deferred work of a start is done: the rebalancer's thread starts with its first round. */
const CALM_MS = 8_000;

export async function measureStart(rounds: number, idleSeconds: number): Promise<StartFigures> {
  const redis = await startMeasuredRedis();
  try {
    reportProgress(`start: ${rounds} times on memory and on Redis`);
    const took: Record<'memory' | 'redis', Start[]> = { memory: [], redis: [] };
    for (const _ of numbers(rounds)) {
      took.memory.push(await startAndStop(undefined));
      took.redis.push(await startAndStop(redis.url));
    }
    reportProgress(`idle: a broker with nobody connected, ${idleSeconds} s`);
    const broker = await startBroker({ redisUrl: redis.url });
    await delay(CALM_MS);
    const before = cpuSeconds(broker.pid);
    await delay(idleSeconds * 1_000);
    const idleCpu = (cpuSeconds(broker.pid) - before) / idleSeconds;
    await broker.stop();
    const both = (of: (starts: readonly Start[]) => number) => ({
      memory: of(took.memory),
      redis: of(took.redis),
    });
    return {
      startMs: both((starts) => median(starts.map(({ readyMs }) => readyMs))),
      leastMs: both((starts) => Math.min(...starts.map(({ readyMs }) => readyMs))),
      cpuMs: both((starts) => median(starts.map(({ cpuMs }) => cpuMs))),
      idleCpu,
    };
  } finally {
    await redis.stop();
  }
}

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
}

async function startAndStop(redisUrl: string | undefined): Promise<Start> {
  const broker = await startBroker(redisUrl === undefined ? {} : { redisUrl });
  const cpuMs = cpuSeconds(broker.pid) * 1_000;
  await broker.stop();
  return { readyMs: broker.readyAfterMs, cpuMs };
}
