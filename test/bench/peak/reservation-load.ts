import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { BROKER, reservationIn } from './large-fleet.js';

/** Not the region with the queue, so that every reservation gets a slot. */
const REGION_POOL = { region: 'region-1', pool: 'console-x' };
const BATCH = 10;
const PAUSE_MS = 5;
const RESERVATION_MS = 30_000;
const RESOLUTION_MS = 5;

export interface ReservationTimes {
  /** Delay of the event loop of this thread, in milliseconds. */
  readonly loopDelayP99Ms: number;
  /** Duration of a call that reserves slots, in milliseconds. */
  readonly reserveP99Ms: number;
}

/** Reserves and frees some thousand slots a second while `work` runs, and measures the calls and the event loop. */
export async function reserveDuring(
  store: FleetStore,
  work: () => Promise<unknown>,
): Promise<ReservationTimes> {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const micros = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const stopped = new AbortController();
  loop.enable();
  const load = (async () => {
    while (!stopped.signal.aborted) {
      const reservations = Array.from({ length: BATCH }, () => reservationIn(REGION_POOL.region));
      const startedAtMs = performance.now();
      await store.reserve(REGION_POOL, reservations, RESERVATION_MS, BROKER);
      micros.recordValue(Math.round((performance.now() - startedAtMs) * 1_000));
      const ends = reservations.map(({ sessionId }) => {
        return { sessionId, epoch: 1, reason: 'client_left' as const };
      });
      await store.endSessions(REGION_POOL, ends, BROKER);
      await delay(PAUSE_MS);
    }
  })();
  await work();
  stopped.abort();
  await load;
  loop.disable();
  return {
    // The histogram records the time between two timers, which contains their interval.
    loopDelayP99Ms: oneDigit(loop.percentile(99) / 1e6 - RESOLUTION_MS),
    reserveP99Ms: oneDigit(micros.getValueAtPercentile(99) / 1_000),
  };
}

function oneDigit(ms: number): number {
  return Math.round(Math.max(0, ms) * 10) / 10;
}
