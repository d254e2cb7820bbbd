import { regionPoolName, type Catalog, type RegionPool } from '../../domain/catalog.js';
import { FULL } from '../../domain/congestion.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { RebalanceAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import {
  NO_HOT_HOSTS,
  hostKey,
  isHot,
  trackHotHosts,
  type HotHosts,
} from '../../domain/rebalance/limits/hot-hosts.js';
import {
  allowanceOf,
  newMoveBudget,
  refillBudget,
  chargeBudget,
  type MoveBudget,
} from '../../domain/rebalance/limits/move-budget.js';
import type {
  FleetSnapshot,
  RegionPoolOption,
  WaitingPlayer,
} from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import { planRebalance } from '../../domain/rebalance/plan/plan-rebalance.js';
import type { RebalanceLimits } from '../../domain/rebalance/limits/rebalance-limits.js';
import { explainPlanBlocker } from '../../domain/rebalance/snapshot/plan-blocker.js';
import type { FleetStore, HostRecord, SessionRecord } from '../../store/fleet-store.js';
import type { QueuedPlacement } from '../../store/contracts/queue.js';
import { decodeReach } from '../sessions/match-details.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { toHostSnapshot } from './host-snapshot.js';
import { SessionSnapshotCache } from './session-snapshot-cache.js';
import { regionPoolIn } from './session-snapshot.js';

/** What a round begins with. Plain data: it may be planned in another thread. */
export interface RoundRequest {
  readonly region: string;
  readonly storeInDoubt: boolean;
  /** Places that operators closed, by name. */
  readonly closedPlaces: readonly string[];
  /** Hosts that are left out of moves, by key. */
  readonly quarantined: readonly string[];
  /** Sessions that are to be left alone at the moment. */
  readonly leave: readonly string[];
}

/** What a round came to. */
export interface RoundPlan {
  readonly actions: readonly RebalanceAction[];
  /** The sessions that the actions move, as they were seen. */
  readonly sessions: readonly SessionRecord[];
  /** Why there is no plan, in words; `null` when there is one. */
  readonly standstill: string | null;
  /** Waiting players for whom room is made. */
  readonly servedByMoves: number;
  /** How long it took to read the fleet, to draw the picture that is planned with, and to plan. */
  readonly readMs: number;
  readonly drawMs: number;
  readonly planMs: number;
}

/** Plans rounds of rebalancing, a region at a time. What it remembers between them is no more than a few figures. */
export interface RoundPlanner {
  planRound(request: RoundRequest): Promise<RoundPlan>;
  close(): Promise<void>;
}

/** What is remembered of a region between two rounds. */
interface RegionState {
  hot: HotHosts;
  budget: MoveBudget;
}

/** Players that one round makes room for: the first of each queue. */
const MAX_WAITING = 500;

/** Sessions of a place that one round looks at, and those that one call reads. */
const MAX_SESSIONS = 20_000;
const SCAN_COUNT = 1_000;

/** Hot hosts that one round relieves. */
const MAX_HOT_HOSTS = 50;

/** Plans in this thread. */
export function createRoundPlanner(
  store: FleetStore,
  catalog: Catalog,
  limits: RebalanceLimits,
): RoundPlanner {
  const regionStates = new Map<string, RegionState>();
  const known = new SessionSnapshotCache(catalog);
  const pools = [...catalog.pools.keys()];
  const regions = [...catalog.regions.keys()];

  async function listHostsIn(places: readonly RegionPool[]): Promise<RegionPoolHosts[]> {
    return Promise.all(places.map(async (place) => ({ place, hosts: await store.listHosts(place) })));
  }

  async function plan(request: RoundRequest): Promise<RoundPlan> {
    const { region, storeInDoubt } = request;
    const startedAt = performance.now();
    const nowMs = await store.getTimeMs();
    const memory = regionStates.get(region) ?? { hot: NO_HOT_HOSTS, budget: newMoveBudget(nowMs, limits) };
    regionStates.set(region, memory);
    const own = await listHostsIn(pools.map((pool) => regionPoolIn(catalog, region, pool)));
    memory.hot = trackHotHosts(memory.hot, own.flatMap(beatsOf), limits);
    const sessionsInAll = own
      .flatMap(({ hosts }) => hosts)
      .reduce((sum, { committed }) => sum + committed, 0);
    memory.budget = refillBudget(memory.budget, nowMs, sessionsInAll, limits);
    const waiting = await findWaitingPlayers(store, catalog, own, nowMs);
    const hot = own.flatMap(({ place, hosts }) =>
      hosts.filter(({ hostId }) => isHot(memory.hot, place, hostId)).map((host) => ({ place, host })),
    );
    const shunned = own.some(({ hosts }) => hosts.some(({ closure }) => closure === 'hot'));
    if (hot.length === 0 && waiting.pictures.length === 0 && !shunned) {
      known.clear();
      return { ...EMPTY_PLAN, readMs: performance.now() - startedAt };
    }

    const concerned = new Set([...hot.map(({ place }) => place), ...waiting.places].map(({ pool }) => pool));
    const others = await listHostsIn(
      regions
        .filter((other) => other !== region)
        .flatMap((other) => [...concerned].map((pool) => regionPoolIn(catalog, other, pool))),
    );
    const fleet = [...own, ...others];
    const seated =
      waiting.pictures.length > 0
        ? await scanRegionPools(
            store,
            fleet.filter(({ place }) => concerned.has(place.pool)),
          )
        : await sessionsOfHosts(store, hot.slice(0, MAX_HOT_HOSTS));
    const readAt = performance.now();
    const picture = takeSnapshot(
      known,
      request,
      memory.hot,
      fleet,
      seated,
      waiting.pictures,
      nowMs,
      storeInDoubt,
    );
    const drawnAt = performance.now();
    const {
      actions,
      liveMoves,
      blocker: standstill,
      servedByMoves,
    } = planRebalance(picture, allowanceOf(memory.budget), limits);
    memory.budget = chargeBudget(memory.budget, liveMoves);
    const moved = new Set(actions.flatMap((action) => (action.kind === 'move' ? [action.sessionId] : [])));
    return {
      actions,
      sessions: seated.flatMap(({ session }) => (moved.has(session.sessionId) ? [session] : [])),
      standstill: standstill === null ? null : explainPlanBlocker(standstill),
      servedByMoves,
      readMs: readAt - startedAt,
      drawMs: drawnAt - readAt,
      planMs: performance.now() - drawnAt,
    };
  }

  return { planRound: plan, close: async () => undefined };
}

const EMPTY_PLAN = {
  actions: [],
  sessions: [],
  standstill: null,
  servedByMoves: 0,
  drawMs: 0,
  planMs: 0,
} as const;

interface RegionPoolHosts {
  readonly place: RegionPool;
  readonly hosts: readonly HostRecord[];
}

function beatsOf({
  place,
  hosts,
}: RegionPoolHosts): Parameters<typeof trackHotHosts>[1] extends Iterable<infer B> ? B[] : never {
  return hosts.map((host) => ({
    hostId: host.hostId,
    place,
    congestion: (host.measured + host.ramping) / FULL,
    heartbeatAtMs: host.heartbeatAtMs,
  }));
}

/** Who waits in the places of a region, each once, with every place where the policy would have them by now. */
async function findWaitingPlayers(
  store: FleetStore,
  catalog: Catalog,
  own: readonly RegionPoolHosts[],
  nowMs: number,
): Promise<{ readonly pictures: readonly WaitingPlayer[]; readonly places: readonly RegionPool[] }> {
  const found = await Promise.all(
    own.map(async ({ place }) => ({ place, records: await store.listWaitingPlacements(place, MAX_WAITING) })),
  );
  const pictures = new Map<string, WaitingPlayer>();
  for (const { place, records } of found) {
    for (const record of records) {
      const known = pictures.get(record.sessionId)?.options ?? [];
      const options = [...known, ...optionsOf(catalog, place, record, nowMs)];
      const places = new Map(options.map((option) => [regionPoolName(option.place), option]));
      pictures.set(record.sessionId, { sessionId: record.sessionId, options: [...places.values()] });
    }
  }
  const places = found.filter(({ records }) => records.length > 0).map(({ place }) => place);
  return { pictures: [...pictures.values()], places };
}

function optionsOf(
  catalog: Catalog,
  { region, pool }: RegionPool,
  { arrivedAtMs, meta }: QueuedPlacement,
  nowMs: number,
): RegionPoolOption[] {
  const { reach = {}, rttMs } = decodeReach(meta.match);
  const policy = catalog.titles.get(meta.title)?.latencyPolicy ?? [];
  const others = Object.entries(reach).flatMap(([other, otherRttMs]) => {
    const after = acceptableAfterMs(policy, otherRttMs);
    const isAcceptable = after !== undefined && after <= nowMs - arrivedAtMs;
    return other !== region && isAcceptable
      ? [{ place: regionPoolIn(catalog, other, pool), rttMs: otherRttMs }]
      : [];
  });
  return [{ place: regionPoolIn(catalog, region, pool), rttMs }, ...others];
}

async function sessionsOfHosts(
  store: FleetStore,
  hosts: readonly { readonly place: RegionPool; readonly host: HostRecord }[],
): Promise<LocatedSession[]> {
  const found = await Promise.all(
    hosts.map(async ({ place, host }) =>
      (await store.listHostSessions(place, host.hostId)).map((session) => ({ place, session })),
    ),
  );
  return found.flat();
}

async function scanRegionPools(
  store: FleetStore,
  places: readonly RegionPoolHosts[],
): Promise<LocatedSession[]> {
  const found = await Promise.all(
    places.filter(({ hosts }) => hosts.length > 0).map(({ place }) => scanRegionPool(store, place)),
  );
  return found.flat();
}

async function scanRegionPool(store: FleetStore, place: RegionPool): Promise<LocatedSession[]> {
  const seen = new Map<string, LocatedSession>();
  let cursor: string | null = null;
  do {
    const scan = await store.scanSessions(place, cursor, SCAN_COUNT);
    for (const session of scan.sessions) {
      if (session.state !== 'ended') seen.set(session.sessionId, { place, session });
    }
    cursor = scan.next;
  } while (cursor !== null && seen.size < MAX_SESSIONS);
  return [...seen.values()];
}

function takeSnapshot(
  known: SessionSnapshotCache,
  { closedPlaces, quarantined, leave }: RoundRequest,
  hot: HotHosts,
  fleet: readonly RegionPoolHosts[],
  seated: readonly LocatedSession[],
  waiting: readonly WaitingPlayer[],
  nowMs: number,
  storeInDoubt: boolean,
): FleetSnapshot {
  const closed = new Set(closedPlaces);
  const isQuarantined = new Set(quarantined);
  const isLeft = new Set(leave);
  const bySeat = new Map<string, SessionRecord[]>();
  for (const { place, session } of seated) {
    const key = hostKey(place, session.hostId);
    const known = bySeat.get(key);
    if (known === undefined) bySeat.set(key, [session]);
    else known.push(session);
  }
  return {
    nowMs,
    storeIsRecovering: storeInDoubt,
    waiting,
    hosts: fleet.flatMap(({ place, hosts }) =>
      hosts.map((host) =>
        toHostSnapshot(place, host, {
          hot: isHot(hot, place, host.hostId),
          regionPoolIsOpen: !closed.has(regionPoolName(place)),
          quarantined: isQuarantined.has(hostKey(place, host.hostId)),
          sessions: bySeat.get(hostKey(place, host.hostId)) ?? [],
        }),
      ),
    ),
    sessions: known.snapshotSessions(seated, (sessionId) => isLeft.has(sessionId)),
  };
}
