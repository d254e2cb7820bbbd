import { build, type Histogram } from 'hdr-histogram-js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, registration, reservation, sessionIdOf } from '../support/fleet/fleet-data.js';

/** Shape of one measurement: calls in flight, and sessions per call. */
export interface LoadShape {
  readonly perCall: number;
  readonly inFlight: number;
}

export interface LoadResult {
  /** Placements, each with its release. */
  readonly perSecond: number;
  readonly callP50Ms: number;
  readonly callP99Ms: number;
  readonly refused: number;
}

export const SLOTS_PER_HOST = 20;

/** Share of the slots in use before and during the measurement. */
export const FILL = 0.6;
const FILL_BATCH = 256;
const FILL_IN_FLIGHT = 8;
const RESERVATION_MS = 3_600_000;
const BROKER = 'broker-a';

/** Number of the first measured session. Lower numbers belong to the initial sessions. */
const MEASURED_FROM = 10_000_000;

/** Adds `hosts` ready hosts, whose slots are in use to the share `FILL`. */
export async function fillFleet(store: FleetStore, hosts: number): Promise<void> {
  const names = Array.from({ length: hosts }, (_, i) => `host-${String(i).padStart(6, '0')}`);
  await inParallel(inChunks(names), async (chunk) => {
    await Promise.all(
      chunk.map((name) => store.registerHost(REGION_POOL, registration(name, { slots: SLOTS_PER_HOST }))),
    );
    const beats = chunk.map((hostId) => ({ hostId, connectionId: 'broker-a.1', measured: 0, digest: 0 }));
    await store.recordHeartbeats(REGION_POOL, beats);
  });
  const sessions = Array.from({ length: Math.floor(hosts * SLOTS_PER_HOST * FILL) }, (_, i) => i);
  await inParallel(inChunks(sessions), async (chunk) => {
    const wanted = chunk.map((number) => reservation(sessionIdOf(number)));
    await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
  });
}

/** Reserves and releases slots for `seconds` at the highest rate of the store. */
export async function runLoad(
  store: Pick<FleetStore, 'reserve' | 'endSessions'>,
  shape: LoadShape,
  seconds: number,
): Promise<LoadResult> {
  const histogram = build({ numberOfSignificantValueDigits: 3 });
  const until = performance.now() + seconds * 1_000;
  const startedAt = performance.now();
  let next = MEASURED_FROM + Math.floor(Math.random() * 1e9) * 1_000;
  let placed = 0;
  let refused = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const wanted = Array.from({ length: shape.perCall }, () => reservation(sessionIdOf(next++)));
      const { outcomes } = await timed(histogram, () =>
        store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER),
      );
      const held = wanted.filter((_, i) => outcomes[i]?.kind === 'reserved');
      refused += wanted.length - held.length;
      const orders = held.map(({ sessionId, epoch }) => ({
        sessionId,
        epoch,
        reason: 'client_left' as const,
      }));
      await timed(histogram, () => store.endSessions(REGION_POOL, orders, BROKER));
      placed += held.length;
    }
  };
  await Promise.all(Array.from({ length: shape.inFlight }, worker));
  const elapsedSeconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: Math.round(placed / elapsedSeconds),
    callP50Ms: histogram.getValueAtPercentile(50) / 1_000,
    callP99Ms: histogram.getValueAtPercentile(99) / 1_000,
    refused,
  };
}

async function timed<T>(histogram: Histogram, call: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await call();
  histogram.recordValue(Math.max(1, Math.round((performance.now() - startedAt) * 1_000)));
  return result;
}

function inChunks<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / FILL_BATCH) }, (_, i) =>
    list.slice(i * FILL_BATCH, (i + 1) * FILL_BATCH),
  );
}

async function inParallel<T>(list: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const items = list.values();
  const worker = async (): Promise<void> => {
    for (const item of items) await run(item);
  };
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, worker));
}
