import type { Catalog, RegionPool } from '../../domain/catalog.js';
import { isHot } from '../../domain/rebalance/limits/hot-hosts.js';
import { allowanceOf, chargeBudget } from '../../domain/rebalance/limits/move-budget.js';
import type { RebalanceLimits } from '../../domain/rebalance/limits/rebalance-limits.js';
import { planRebalance } from '../../domain/rebalance/plan/plan-rebalance.js';
import { explainPlanBlocker } from '../../domain/rebalance/snapshot/plan-blocker.js';
import type { WaitingPlayer } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { StoreMs } from '../../domain/store-time.js';
import type { ServerClock } from '../../runtime/runtime.js';
import type { FleetStore } from '../../store/fleet-store.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { toFleetSnapshot, type FleetReading } from './fleet-snapshot.js';
import {
  readHosts,
  readQueues,
  readSessionsOfHosts,
  readSessionsOfRegionPools,
  type LocatedHost,
  type RegionPoolHosts,
} from './read-fleet.js';
import { updateRegionState, type RegionState } from './region-state.js';
import type { RoundPlan, Rebalancer, RoundRequest } from './rebalancer.js';
import { SessionSnapshotCache } from './session-snapshot-cache.js';
import { regionPoolIn } from './session-snapshot.js';
import { toWaitingPlayers } from './waiting-players.js';

/** Maximum number of hot hosts that one round relieves. */
const MAX_HOT_HOSTS = 50;

/** A rebalancer that plans in the thread that calls it. */
export function createRebalancer(
  store: FleetStore,
  catalog: Catalog,
  limits: RebalanceLimits,
  clock: Pick<ServerClock, 'monotonicMs'>,
): Rebalancer {
  const regionStates = new Map<string, RegionState>();
  const sessionCache = new SessionSnapshotCache(catalog);

  async function planRound(request: RoundRequest): Promise<RoundPlan> {
    const startedAt = clock.monotonicMs();
    const nowMs = await store.getTimeMs();
    const own = await readHosts(store, regionPoolsOf(catalog, request.region));
    const { state, exclusions } = updateRegionState(regionStates.get(request.region), own, startedAt, limits);
    regionStates.set(request.region, state);

    const reading = await readRelevantFleet(store, catalog, { nowMs, own, state, region: request.region });
    const readAt = clock.monotonicMs();
    if (reading === null) {
      sessionCache.clear();
      return { ...NOTHING_TO_DO, exclusions, readMs: readAt - startedAt };
    }

    const snapshot = toFleetSnapshot(reading, request, state.hot, sessionCache);
    const snapshotAt = clock.monotonicMs();
    const plan = planRebalance(snapshot, allowanceOf(state.budget), limits);
    regionStates.set(request.region, { ...state, budget: chargeBudget(state.budget, plan.liveMoves) });
    const moved = new Set(plan.moves.map(({ sessionId }) => sessionId));
    return {
      exclusions,
      moves: plan.moves,
      sessions: reading.sessions
        .map(({ session }) => session)
        .filter(({ sessionId }) => moved.has(sessionId)),
      blocker: plan.blocker === null ? null : explainPlanBlocker(plan.blocker),
      servedByMoves: plan.servedByMoves,
      readMs: readAt - startedAt,
      snapshotMs: snapshotAt - readAt,
      planMs: clock.monotonicMs() - snapshotAt,
    };
  }

  return { planRound, close: async () => undefined };
}

const NOTHING_TO_DO = {
  moves: [],
  sessions: [],
  blocker: null,
  servedByMoves: 0,
  snapshotMs: 0,
  planMs: 0,
} as const;

interface OwnRegion {
  readonly region: string;
  readonly nowMs: StoreMs;
  readonly own: readonly RegionPoolHosts[];
  readonly state: RegionState;
}

/**
 * Reads what the plan may need: hosts of all regions in the pools with hot hosts or waiting players, and sessions. For waiting
 * players, all sessions of these pools may have to move; for hot hosts, only their own.
 *
 * @returns `null` if the region has no hot host and no waiting player, so that there is nothing to plan
 */
async function readRelevantFleet(
  store: FleetStore,
  catalog: Catalog,
  { region, nowMs, own, state }: OwnRegion,
): Promise<FleetReading | null> {
  const queues = await readQueues(
    store,
    own.map(({ regionPool }) => regionPool),
  );
  const waiting = toWaitingPlayers(catalog, queues, nowMs);
  const hot = findHotHosts(own, state);
  if (hot.length === 0 && waiting.length === 0) return null;

  const queuesInUse = queues.filter(({ requests }) => requests.length > 0);
  const pools = new Set([...hot, ...queuesInUse].map(({ regionPool }) => regionPool.pool));
  const others = [...catalog.regions.keys()].filter((other) => other !== region);
  const elsewhere = await readHosts(
    store,
    others.flatMap((other) => [...pools].map((pool) => regionPoolIn(catalog, other, pool))),
  );
  const hosts = [...own, ...elsewhere];
  const sessions =
    waiting.length > 0
      ? await readSessionsOfRegionPools(
          store,
          hosts.filter(({ regionPool }) => pools.has(regionPool.pool)),
        )
      : await readSessionsOfHosts(store, hot.slice(0, MAX_HOT_HOSTS));
  return { nowMs, hosts, sessions, waiting: withoutPlaced(waiting, sessions) };
}

/** The players without those who have a slot already, such as an offer in another region. */
function withoutPlaced(
  waiting: readonly WaitingPlayer[],
  sessions: readonly LocatedSession[],
): readonly WaitingPlayer[] {
  const waitingIds = new Set(waiting.map(({ sessionId }) => sessionId));
  for (const { session } of sessions) waitingIds.delete(session.sessionId);
  return waiting.filter(({ sessionId }) => waitingIds.has(sessionId));
}

function regionPoolsOf(catalog: Catalog, region: string): RegionPool[] {
  return [...catalog.pools.keys()].map((pool) => regionPoolIn(catalog, region, pool));
}

function findHotHosts(own: readonly RegionPoolHosts[], { hot }: RegionState): LocatedHost[] {
  return own.flatMap(({ regionPool, hosts }) =>
    hosts.filter(({ hostId }) => isHot(hot, regionPool.pool, hostId)).map((host) => ({ regionPool, host })),
  );
}
