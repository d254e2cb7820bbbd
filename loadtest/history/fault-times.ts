import type { Check } from './check.js';

/** Times of faults. Bounds on recovery count from the end of the last fault. */
export interface FaultTimes {
  readonly on: Pick<Check['on'], 'fault' | 'healed'>;
  /** The start of a bound that would start at `sinceMs` without faults; `Infinity` while a fault lasts. */
  boundStartMs(sinceMs: number): number;
  /** When Redis was last stopped or failed over; `-Infinity` for never. */
  readonly lastRedisFaultMs: number;
}

/** @param recoverWithinMs time after the end of a fault during which its effects are allowed */
export function createFaultTimes(recoverWithinMs: number): FaultTimes {
  const lasting = new Set<string>();
  const redis = new Set<string>();
  let lastAtMs = -Infinity;
  let redisAtMs = -Infinity;
  return {
    on: {
      fault({ atMs, fault, target, lasts }) {
        lastAtMs = atMs;
        if (lasts) lasting.add(target);
        if (fault === 'redis-stopped' || fault === 'redis-failover') {
          redis.add(target);
          redisAtMs = atMs;
        }
      },
      healed({ atMs, target }) {
        lasting.delete(target);
        lastAtMs = atMs;
        if (redis.has(target)) redisAtMs = atMs;
      },
    },
    boundStartMs(sinceMs) {
      if (lasting.size > 0) return Infinity;
      return Math.max(sinceMs, lastAtMs + recoverWithinMs);
    },
    get lastRedisFaultMs() {
      return redisAtMs;
    },
  };
}
