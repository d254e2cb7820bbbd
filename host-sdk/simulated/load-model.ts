import type { HostLoad } from '@duskline/protocol';
import { createSeededRandom } from './seeded-random.js';

const MS_PER_HOUR = 3_600_000;

/** How much of each dimension a session uses, against its share of the GPU. */
export const LOAD_FACTORS: HostLoad = { gpu: 1, encoder: 0.85, cpu: 0.6, network: 0.45 };

export interface LoadModelOptions {
  /** A session at full load uses about 1/slots of the GPU. */
  readonly slots: number;
  /** Everything random follows from it. Default 1. */
  readonly seed?: number;
  /** How long a session takes to its full load, in milliseconds of the model's time. Default 20000. */
  readonly rampMs?: number;
  /** How far single sessions differ: 0.1 means 10 % more or less. Default 0.1. */
  readonly spread?: number;
  /** How far each measurement is off: 0.02 means 2 % more or less. Default 0.02. */
  readonly noise?: number;
  /** How often the host stalls, on average. Default 0.1: once in ten hours. */
  readonly stallsPerHour?: number;
  /** How long a stall lasts, in milliseconds of the model's time. Default 5000. */
  readonly stallMs?: number;
  /** How much faster than the clock the model's time runs. Default 1. */
  readonly speed?: number;
}

/** The load of one simulated host. Time comes in with each call, and must not go back. */
export interface LoadModel {
  /** The stream of a session starts. A second start of the same session changes nothing. */
  start(sessionId: string, nowMs: number): void;
  /** It is over; its load goes at once. */
  stop(sessionId: string): void;
  /** The host hangs from now on, for so many milliseconds of the model's time. */
  stall(durationMs: number, nowMs: number): void;
  /** What the host measures now; `null` while it hangs. */
  measure(nowMs: number): HostLoad | null;
}

/** Share of its full load that a session has after so long: linear from 0 to 1. */
export function rampShare(ageMs: number, rampMs: number): number {
  if (rampMs <= 0) return 1;
  return Math.min(1, Math.max(0, ageMs / rampMs));
}

/** Makes a model that gives the same answers to the same calls with the same seed. */
export function createLoadModel(options: LoadModelOptions): LoadModel {
  const { slots, seed = 1, rampMs = 20_000, spread = 0.1, noise = 0.02 } = options;
  const { stallsPerHour = 0.1, stallMs = 5_000, speed = 1 } = options;
  const random = createSeededRandom(seed);
  const streams = new Map<string, { readonly startedAtMs: number; readonly weight: number }>();
  let stalledUntilMs = -Infinity;
  let measuredAtMs: number | undefined;

  /** Evenly from `1 - width` to `1 + width`. */
  const drawAround = (width: number): number => 1 + width * (2 * random() - 1);

  /** Stalls come by chance, as rain does: the longer the time since the last look, the likelier one began. */
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
