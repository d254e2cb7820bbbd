import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { createRebalancerThread } from '@duskline/server/rebalancer-thread.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { TEST_ENV } from '../../support/fleet/test-broker.js';
import { startRedisServer } from '../../support/redis/redis-server.js';
import { reportProgress } from '../progress.js';
import { ERRORS_ONLY, benchConfig } from './bench-fleet.js';
import { REGIONS, SESSIONS_PER_HOST, WAITING, fillFleet, recordAllHeartbeats } from './large-fleet.js';
import { reserveDuring } from './reservation-load.js';

const ROUNDS = 8;
const WITHOUT_PLANNING_MS = 5_000;
const HOUR_MS = 3_600_000;
const STORE_LIMITS = { suspectAfterMs: HOUR_MS, offerMs: 15_000, resumeWindowMs: 120_000 };

/** Times of the planned rounds, and of reservations meanwhile. */
export interface RebalanceResult {
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

/** Plans rounds for a whole fleet in the rebalancer's thread, while this thread reserves slots on the same Redis. */
export async function measureRebalance(hosts: number): Promise<RebalanceResult> {
  const redis = await startRedisServer();
  const target = { kind: 'single', url: redis.url } as const;
  // All records of the fleet are an hour old, so that the load of new sessions does not count as ramping.
  let agoMs = HOUR_MS;
  const store = await createRedisStore({ ...STORE_LIMITS, target, storeTimeMs: () => Date.now() - agoMs });
  const { catalog } = loadConfig({ text: benchConfig(REGIONS), env: TEST_ENV });
  // Enough moves for every waiting player, because a plan without moves takes less time.
  const limits = { ...DEFAULT_REBALANCE_LIMITS, movesPerSessionHour: 60, minBurstMoves: WAITING };
  const seed = { store: { ...STORE_LIMITS, redis: { target } }, catalog, limits };
  const rebalancer = createRebalancerThread(seed, ERRORS_ONLY, systemClock);
  try {
    reportProgress(`rebalance: ${hosts} hosts with their sessions are written to Redis`);
    await fillFleet(store, hosts / REGIONS.length);
    agoMs = 0;
    await recordAllHeartbeats(store, hosts / REGIONS.length);
    reportProgress(`rebalance: reservations without planning, for ${WITHOUT_PLANNING_MS / 1_000} s`);
    const before = await reserveDuring(store, () => delay(WITHOUT_PLANNING_MS));
    const request = {
      storeIsRecovering: false,
      closedRegionPools: [],
      quarantinedHosts: [],
      excludedSessions: [],
      scheduledChains: [],
    };
    const plans: Awaited<ReturnType<typeof rebalancer.planRound>>[] = [];
    const during = await reserveDuring(store, async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        reportProgress(`rebalance: round ${round} of ${ROUNDS}`);
        plans.push(await rebalancer.planRound({ ...request, region: 'region-0' }));
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
    await rebalancer.close();
    await store.close();
    await redis.stop();
  }
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[values.length >> 1] ?? 0);
}
