import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { digestSessions } from '@duskline/server/domain/session-digest.js';
import type { FleetStore, HostHeartbeat, Reservation } from '@duskline/server/store/fleet-store.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import { seeded } from './random.js';

export const REGIONS = Array.from({ length: 20 }, (_, i) => `region-${i}`);
/** Mean number of sessions of a host. */
export const SESSIONS_PER_HOST = 10;
/** Players that wait for a slot in the first region, where all slots are in use. */
export const WAITING = 300;
export const BROKER = 'bench';

const POOL = 'console-x';
const SLOTS = 12;
const RESERVATION_MS = 3_600_000;
const MAX_QUEUE_LENGTH = 10_000;
const BATCH = 2_000;

/** Adds hosts and sessions to every region. The first region is full and has a queue. */
export async function fillFleet(store: FleetStore, hostsPerRegion: number): Promise<void> {
  const random = seeded(4);
  for (const [number, region] of REGIONS.entries()) {
    const regionPool = { region, pool: POOL };
    await registerHosts(store, regionPool, hostsPerRegion);
    const isFull = number === 0;
    const sessions = hostsPerRegion * (isFull ? SLOTS : SESSIONS_PER_HOST - 2 + (number % 4));
    for (let left = sessions; left > 0; left -= BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, left) }, () => reservationIn(region, random));
      await startSessions(store, regionPool, batch);
    }
    if (isFull) await enqueuePlayers(store, regionPool);
  }
}

/** Records a heartbeat of every host. */
export async function recordAllHeartbeats(store: FleetStore, hostsPerRegion: number): Promise<void> {
  for (const region of REGIONS) {
    await store.recordHeartbeats({ region, pool: POOL }, heartbeatsOf(hostsPerRegion));
  }
}

/**
 * A reservation of a player near this region, who can play in up to two other regions as well.
 *
 * @param random below 0.5 for players who can use other regions, and then the choice of these regions. Default: no other region
 */
export function reservationIn(region: string, random: () => number = () => 1): Reservation {
  const reach: Record<string, number> = { [region]: 15 };
  if (random() < 0.5) {
    for (let i = 0; i < 2; i += 1) {
      const other = REGIONS[Math.floor(random() * REGIONS.length)] ?? region;
      reach[other] ??= 25 + Math.round(random() * 30);
    }
  }
  const sessionId = newSessionId();
  const stream = { codec: 'hevc', resolution: '1080p', fps: 60 };
  const reason = `${region}/console-x (15 ms away, 80 % in use): the nearest suitable region.`;
  const match = { stream, rank: 1, candidates: 3, rttMs: 15, reason, tier: 'default', reach, canMove: true };
  const meta = { playerId: sessionId, requestId: 'r1', title: 'drift', match: JSON.stringify(match) };
  return { sessionId, epoch: 1, clientBrokerId: BROKER, meta };
}

async function registerHosts(store: FleetStore, regionPool: RegionPool, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      store.registerHost(regionPool, {
        hostId: `h${i}`,
        connectionId: `${BROKER}.1`,
        slots: SLOTS,
        endpoint: `wss://h${i}`,
      }),
    ),
  );
  await store.recordHeartbeats(regionPool, heartbeatsOf(count));
}

/** Reserves slots, and brings the sessions into the state `connected`, all of them movable. */
async function startSessions(
  store: FleetStore,
  regionPool: RegionPool,
  reservations: readonly Reservation[],
): Promise<void> {
  const { outcomes } = await store.reserve(regionPool, reservations, RESERVATION_MS, BROKER);
  const placed = outcomes.flatMap((outcome, i) =>
    outcome.kind === 'reserved'
      ? [{ sessionId: reservations[i]!.sessionId, epoch: 1, hostId: outcome.hostId }]
      : [],
  );
  for (const to of ['active', 'connected'] as const) {
    await store.updateSessionStates(
      regionPool,
      placed.map((session) => ({ ...session, to })),
      BROKER,
    );
  }
  await store.recordMovableChanges(
    regionPool,
    placed.map((session) => ({ ...session, movable: true })),
  );
}

async function enqueuePlayers(store: FleetStore, regionPool: RegionPool): Promise<void> {
  const waiting = Array.from({ length: WAITING }, () => ({
    ...reservationIn(regionPool.region),
    arrivedAtMs: null,
    headStartMs: 0,
    missed: false,
  }));
  await store.enqueue(regionPool, waiting, MAX_QUEUE_LENGTH, BROKER);
}

function heartbeatsOf(hosts: number): HostHeartbeat[] {
  return Array.from({ length: hosts }, (_, i) => ({
    hostId: `h${i}`,
    connectionId: `${BROKER}.1`,
    measured: Math.round(0.5 * FULL),
    digest: digestSessions([]),
  }));
}
