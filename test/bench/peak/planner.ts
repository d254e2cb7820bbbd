import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { digestSessions } from '@duskline/server/domain/session-digest.js';
import { createRebalancerThread } from '@duskline/server/rebalancer-thread.js';
import type { HostHeartbeat, FleetStore, Reservation } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import { TEST_ENV } from '../../support/fleet/test-broker.js';
import { startRedisServer } from '../../support/redis/redis-server.js';
import { benchConfig } from './bench-fleet.js';
import { seeded } from './random.js';

const REGIONS = Array.from({ length: 20 }, (_, i) => `region-${i}`);
const SLOTS = 12;
const SESSIONS_PER_HOST = 10;
const WAITING = 300;
const ROUNDS = 8;
const BROKER = 'bench';
const RULES = { suspectAfterMs: 3_600_000, offerMs: 15_000, resumeWindowMs: 120_000 };

export interface PlannerResult {
  readonly hosts: number;
  readonly sessions: number;
  /** Time to plan a round, without reading the fleet: median and maximum. */
  readonly ms: number;
  readonly longestMs: number;
  /** Time to read the fleet from Redis, to build the snapshot, and for the whole round: medians. */
  readonly readMs: number;
  readonly snapshotMs: number;
  readonly roundMs: number;
  /** Moves of a planned round, and players that get a slot through them. */
  readonly moves: number;
  readonly servedByMoves: number;
  /** Event-loop delay of the thread that matches players, during planning and without planning. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayP99BeforeMs: number;
  /** Time of a reservation in the store, during planning and without planning. */
  readonly reserveP99Ms: number;
  readonly reserveP99BeforeMs: number;
}

/** Plans rounds for a whole fleet in the rebalancer thread, while this thread reserves slots on the same Redis. */
export async function measurePlanner(hosts: number, say: (text: string) => void): Promise<PlannerResult> {
  const redis = await startRedisServer();
  const target = { kind: 'single', url: redis.url } as const;
  // The fleet is filled with times of an hour ago, so that the ramp-up of new hosts is over.
  let agoMs = 3_600_000;
  const store = await createRedisStore({ ...RULES, target, clock: () => Date.now() - agoMs });
  const { catalog } = loadConfig({ text: benchConfig(REGIONS), env: TEST_ENV });
  // Enough moves for every waiting player: a plan without moves would take too little time.
  const limits = { ...DEFAULT_REBALANCE_LIMITS, movesPerSessionHour: 60, minBurstMoves: WAITING };
  const seed = { store: { ...RULES, redis: { target } }, catalog, limits };
  const planner = createRebalancerThread(seed, {
    error: console.error,
    warn: nothing,
    info: nothing,
    debug: nothing,
  });
  try {
    await fill(store, hosts / REGIONS.length, say);
    agoMs = 0;
    await beatAll(store, hosts / REGIONS.length);
    const before = await watched(store, () => delay(5_000));
    say('rounds');
    const request = {
      storeIsRecovering: false,
      closedRegionPools: [],
      quarantinedHosts: [],
      excludedSessions: [],
      scheduledChains: [],
    };
    const plans: Awaited<ReturnType<typeof planner.planRound>>[] = [];
    const during = await watched(store, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        plans.push(await planner.planRound({ ...request, region: 'region-0' }));
      }
    });
    // The first round includes the start and warm-up of the thread.
    const timed = plans.slice(1);
    return {
      hosts,
      sessions: hosts * SESSIONS_PER_HOST,
      ms: median(timed.map(({ planMs }) => planMs)),
      longestMs: Math.round(Math.max(...plans.map(({ planMs }) => planMs))),
      readMs: median(timed.map(({ readMs }) => readMs)),
      snapshotMs: median(timed.map(({ snapshotMs }) => snapshotMs)),
      roundMs: median(timed.map(({ readMs, snapshotMs, planMs }) => readMs + snapshotMs + planMs)),
      moves: timed[0]?.moves.length ?? 0,
      servedByMoves: timed[0]?.servedByMoves ?? 0,
      loopDelayP99Ms: during.loopDelayP99Ms,
      loopDelayP99BeforeMs: before.loopDelayP99Ms,
      reserveP99Ms: during.reserveP99Ms,
      reserveP99BeforeMs: before.reserveP99Ms,
    };
  } finally {
    await planner.close();
    await store.close();
    await redis.stop();
  }
}

/** Adds hosts and sessions to every region. The first region is full and has a queue. */
async function fill(store: FleetStore, hostsPerRegion: number, say: (text: string) => void): Promise<void> {
  const random = seeded(4);
  for (const [number, region] of REGIONS.entries()) {
    const regionPool = { region, pool: 'console-x' };
    const isPeak = number === 0;
    const reserve = async (count: number): Promise<void> => {
      const wanted = Array.from({ length: count }, () => reservation(newSessionId(), regionPool, random));
      await placeAndPlay(store, regionPool, wanted);
    };
    const hostIds = Array.from({ length: hostsPerRegion }, (_, i) => `h${i}`);
    await Promise.all(
      hostIds.map((hostId) =>
        store.registerHost(regionPool, {
          hostId,
          connectionId: `${BROKER}.1`,
          slots: SLOTS,
          endpoint: `wss://${hostId}`,
        }),
      ),
    );
    await store.recordHeartbeats(regionPool, beatsOf(hostsPerRegion));
    const sessions = hostsPerRegion * (isPeak ? SLOTS : SESSIONS_PER_HOST - 2 + (number % 4));
    for (let left = sessions; left > 0; left -= 2_000) await reserve(Math.min(2_000, left));
    if (isPeak) {
      const waiting = Array.from({ length: WAITING }, () => ({
        ...reservation(newSessionId(), regionPool, () => 1),
        arrivedAtMs: null,
        headStartMs: 0,
        missed: false,
      }));
      await store.enqueue(regionPool, waiting, 10_000, BROKER);
    }
  }
  say('the fleet is filled');
}

async function beatAll(store: FleetStore, hostsPerRegion: number): Promise<void> {
  for (const region of REGIONS)
    await store.recordHeartbeats({ region, pool: 'console-x' }, beatsOf(hostsPerRegion));
}

function beatsOf(hosts: number): HostHeartbeat[] {
  return Array.from({ length: hosts }, (_, i) => ({
    hostId: `h${i}`,
    connectionId: `${BROKER}.1`,
    measured: Math.round(0.5 * FULL),
    digest: digestSessions([]),
  }));
}

/** A reservation of a player near one region. Half of the players can also use up to two other regions. */
function reservation(sessionId: string, { region }: RegionPool, random: () => number): Reservation {
  const reach: Record<string, number> = { [region]: 15 };
  if (random() < 0.5) {
    for (let i = 0; i < 2; i += 1) {
      const other = REGIONS[Math.floor(random() * REGIONS.length)] ?? region;
      reach[other] ??= 25 + Math.round(random() * 30);
    }
  }
  const stream = { codec: 'hevc', resolution: '1080p', fps: 60 };
  const reason = `${region}/console-x (15 ms away, 80 % in use): the nearest suitable region.`;
  const match = { stream, rank: 1, candidates: 3, rttMs: 15, reason, tier: 'default', reach, canMove: true };
  const meta = { playerId: sessionId, requestId: 'r1', title: 'drift', match: JSON.stringify(match) };
  return { sessionId, epoch: 1, clientBrokerId: BROKER, meta };
}

async function placeAndPlay(
  store: FleetStore,
  regionPool: RegionPool,
  wanted: readonly Reservation[],
): Promise<void> {
  const { outcomes } = await store.reserve(regionPool, wanted, 3_600_000, BROKER);
  const placed = outcomes.flatMap((outcome, i) =>
    outcome.kind === 'reserved'
      ? [{ sessionId: wanted[i]!.sessionId, epoch: 1, hostId: outcome.hostId }]
      : [],
  );
  for (const to of ['active', 'connected'] as const) {
    await store.updateSessionStates(
      regionPool,
      placed.map((one) => ({ ...one, to })),
      BROKER,
    );
  }
  await store.recordMovableChanges(
    regionPool,
    placed.map((one) => ({ ...one, movable: true })),
  );
}

/** Reserves and releases slots during `work`, some thousand a second, and measures them. */
async function watched(
  store: FleetStore,
  work: () => Promise<unknown>,
): Promise<{ readonly loopDelayP99Ms: number; readonly reserveP99Ms: number }> {
  const loop = monitorEventLoopDelay({ resolution: 5 });
  const took = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const regionPool = { region: 'region-1', pool: 'console-x' };
  const over = new AbortController();
  loop.enable();
  const load = (async () => {
    while (!over.signal.aborted) {
      const wanted = Array.from({ length: 10 }, () => reservation(newSessionId(), regionPool, () => 1));
      const startedAt = performance.now();
      await store.reserve(regionPool, wanted, 30_000, BROKER);
      took.recordValue(Math.round((performance.now() - startedAt) * 1_000));
      const orders = wanted.map(({ sessionId }) => ({ sessionId, epoch: 1, reason: 'client_left' as const }));
      await store.endSessions(regionPool, orders, BROKER);
      await delay(5);
    }
  })();
  await work();
  over.abort();
  await load;
  loop.disable();
  // The timer resolution of 5 ms is not a delay.
  const rounded = (ms: number): number => Math.round(Math.max(0, ms) * 10) / 10;
  return {
    loopDelayP99Ms: rounded(loop.percentile(99) / 1e6 - 5),
    reserveP99Ms: rounded(took.getValueAtPercentile(99) / 1_000),
  };
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[values.length >> 1] ?? 0);
}

function nothing(): void {
  // Intentionally empty.
}
