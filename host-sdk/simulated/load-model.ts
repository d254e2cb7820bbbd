import type { HostLoad } from '@duskline/protocol';
import { createSeededRandom } from './seeded-random.js';

const MS_PER_HOUR = 3_600_000;

/** How much of each dimension a session uses, relative to its share of the GPU. */
export const LOAD_FACTORS: HostLoad = { gpu: 1, encoder: 0.85, cpu: 0.6, network: 0.45 };

export interface LoadModelOptions {
  /** A session at full load uses about 1/slots of the GPU. */
  readonly slots: number;
  /** Seed of all random numbers. Default 1. */
  readonly seed?: number;
  /** How long a session takes to reach its full load, in milliseconds of the model's time. Default 20000. */
  readonly rampMs?: number;
  /** By how much the loads of sessions differ: 0.1 means up to 10 % more or less. Default 0.1. */
  readonly spread?: number;
  /** Error of each measurement: 0.02 means up to 2 % more or less. Default 0.02. */
  readonly noise?: number;
  /** Average number of stalls per hour of the model's time. Default 0.1. */
  readonly stallsPerHour?: number;
  /** Duration of a stall, in milliseconds of the model's time. Default 5000. */
  readonly stallMs?: number;
  /** How much faster than the clock the model's time runs. Default 1. */
  readonly speed?: number;
}

/** The load of one simulated host. Callers pass the time, which must not decrease. */
export interface LoadModel {
  /** The stream of a session starts. Repeated calls for a session do nothing. */
  start(sessionId: string, nowMs: number): void;
  /** The stream ends; its load is gone at once. */
  stop(sessionId: string): void;
  /** The host stalls for `durationMs` of the model's time. */
  stall(durationMs: number, nowMs: number): void;
  /** The current load; `null` during a stall. */
  measure(nowMs: number): HostLoad | null;
}

/** The share of its full load that a session of this age has: linear from 0 to 1. */
export function rampShare(ageMs: number, rampMs: number): number {
  if (rampMs <= 0) return 1;
  return Math.min(1, Math.max(0, ageMs / rampMs));
}

/** Creates a model that is deterministic for a seed. */
export function createLoadModel(options: LoadModelOptions): LoadModel {
  const { slots, seed = 1, rampMs = 20_000, spread = 0.1, noise = 0.02 } = options;
  const { stallsPerHour = 0.1, stallMs = 5_000, speed = 1 } = options;
  const random = createSeededRandom(seed);
  const streams = new Map<string, { readonly startedAtMs: number; readonly weight: number }>();
  let stalledUntilMs = -Infinity;
  let measuredAtMs: number | undefined;

  /** Uniform between `1 - width` and `1 + width`. */
  const drawAround = (width: number): number => 1 + width * (2 * random() - 1);

  /** Whether a stall began since the last call: stalls are a Poisson process. */
  function stallBegins(modelMs: number): boolean {
    const sinceMs = measuredAtMs === undefined ? 0 : modelMs - measuredAtMs;
    measuredAtMs = modelMs;
    return random() >= Math.exp((-stallsPerHour * sinceMs) / MS_PER_HOUR);
  }

  return {
    start(sessionId, nowMs) {
      if (streams.has(sessionId)) return;
      streams.set(sessionId, { startedAtMs: nowMs * speed, weight: drawAround(spread) / slots });
    },
    stop: (sessionId) => void streams.delete(sessionId),
    stall(durationMs, nowMs) {
      stalledUntilMs = nowMs * speed + durationMs;
    },
    measure(nowMs) {
      const modelMs = nowMs * speed;
      if (stallBegins(modelMs)) stalledUntilMs = Math.max(stalledUntilMs, modelMs + stallMs);
      if (modelMs < stalledUntilMs) return null;
      let share = 0;
      for (const { startedAtMs, weight } of streams.values()) {
        share += weight * rampShare(modelMs - startedAtMs, rampMs);
      }
      return {
        gpu: share * LOAD_FACTORS.gpu * drawAround(noise),
        encoder: share * LOAD_FACTORS.encoder * drawAround(noise),
        cpu: share * LOAD_FACTORS.cpu * drawAround(noise),
        network: share * LOAD_FACTORS.network * drawAround(noise),
      };
    },
  };
}
