import { placeName, type Catalog, type Place } from '../../domain/catalog.js';
import { FULL } from '../../domain/congestion.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { RebalanceAction } from '../../domain/rebalance/actions.js';
import { NO_HOT_HOSTS, hostKey, isHot, noteBeats, type HotHosts } from '../../domain/rebalance/hot-hosts.js';
import {
  allowanceOf,
  newMoveBudget,
  refillBudget,
  spendBudget,
  type MoveBudget,
} from '../../domain/rebalance/move-budget.js';
import type { FleetPicture, PlaceOption, WaitingPicture } from '../../domain/rebalance/picture.js';
import { planRebalance } from '../../domain/rebalance/plan-rebalance.js';
import type { RebalanceLimits } from '../../domain/rebalance/rebalance-limits.js';
import { explainStandstill } from '../../domain/rebalance/standstill.js';
import type { FleetStore, HostRecord, SessionRecord } from '../../store/fleet-store.js';
import type { WaitingRecord } from '../../store/move-desk.js';
import { reachOf } from '../match-details.js';
import type { SeatedSession } from '../drained-sessions.js';
import { hostPicture } from './host-picture.js';
import { KnownPictures } from './known-pictures.js';
import { placeIn } from './session-picture.js';

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
  plan(request: RoundRequest): Promise<RoundPlan>;
  close(): Promise<void>;
}

/** What is remembered of a region between two rounds. */
interface RegionMemory {
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
  const memories = new Map<string, RegionMemory>();
  const known = new KnownPictures(catalog);
  const pools = [...catalog.pools.keys()];
  const regions = [...catalog.regions.keys()];

  async function look(places: readonly Place[]): Promise<PlaceHosts[]> {
    return Promise.all(places.map(async (place) => ({ place, hosts: await store.listHosts(place) })));
  }

  async function plan(request: RoundRequest): Promise<RoundPlan> {
    const { region, storeInDoubt } = request;
    const startedAt = performance.now();
    const nowMs = await store.clockMs();
    const memory = memories.get(region) ?? { hot: NO_HOT_HOSTS, budget: newMoveBudget(nowMs, limits) };
    memories.set(region, memory);
    const own = await look(pools.map((pool) => placeIn(catalog, region, pool)));
    memory.hot = noteBeats(memory.hot, own.flatMap(beatsOf), limits);
    const sessionsInAll = own
      .flatMap(({ hosts }) => hosts)
      .reduce((sum, { committed }) => sum + committed, 0);
    memory.budget = refillBudget(memory.budget, nowMs, sessionsInAll, limits);
    const waiting = await findWaiting(store, catalog, own, nowMs);
    const hot = own.flatMap(({ place, hosts }) =>
      hosts.filter(({ hostId }) => isHot(memory.hot, place, hostId)).map((host) => ({ place, host })),
    );
    const shunned = own.some(({ hosts }) => hosts.some(({ closure }) => closure === 'hot'));
    if (hot.length === 0 && waiting.pictures.length === 0 && !shunned) {
      known.forget();
      return { ...NOTHING, readMs: performance.now() - startedAt };
    }

    const concerned = new Set([...hot.map(({ place }) => place), ...waiting.places].map(({ pool }) => pool));
    const others = await look(
      regions
        .filter((other) => other !== region)
        .flatMap((other) => [...concerned].map((pool) => placeIn(catalog, other, pool))),
    );
    const fleet = [...own, ...others];
    const seated =
      waiting.pictures.length > 0
        ? await scanPlaces(
            store,
            fleet.filter(({ place }) => concerned.has(place.pool)),
          )
        : await sessionsOfHosts(store, hot.slice(0, MAX_HOT_HOSTS));
    const readAt = performance.now();
    const picture = draw(known, request, memory.hot, fleet, seated, waiting.pictures, nowMs, storeInDoubt);
    const drawnAt = performance.now();
    const { actions, liveMoves, standstill, servedByMoves } = planRebalance(
      picture,
      allowanceOf(memory.budget),
      limits,
    );
    memory.budget = spendBudget(memory.budget, liveMoves);
    const moved = new Set(actions.flatMap((action) => (action.kind === 'move' ? [action.sessionId] : [])));
    return {
      actions,
      sessions: seated.flatMap(({ session }) => (moved.has(session.sessionId) ? [session] : [])),
      standstill: standstill === null ? null : explainStandstill(standstill),
      servedByMoves,
      readMs: readAt - startedAt,
      drawMs: drawnAt - readAt,
      planMs: performance.now() - drawnAt,
    };
  }

  return { plan, close: async () => undefined };
}

const NOTHING = {
  actions: [],
  sessions: [],
  standstill: null,
  servedByMoves: 0,
  drawMs: 0,
  planMs: 0,
} as const;

interface PlaceHosts {
  readonly place: Place;
  readonly hosts: readonly HostRecord[];
}

function beatsOf({
  place,
  hosts,
}: PlaceHosts): Parameters<typeof noteBeats>[1] extends Iterable<infer B> ? B[] : never {
  return hosts.map((host) => ({
    hostId: host.hostId,
    place,
    congestion: (host.measured + host.ramping) / FULL,
    beatAtMs: host.beatAtMs,
  }));
}

/** Who waits in the places of a region, each once, with every place where the policy would have them by now. */
async function findWaiting(
  store: FleetStore,
  catalog: Catalog,
  own: readonly PlaceHosts[],
  nowMs: number,
): Promise<{ readonly pictures: readonly WaitingPicture[]; readonly places: readonly Place[] }> {
  const found = await Promise.all(
    own.map(async ({ place }) => ({ place, records: await store.listWaiting(place, MAX_WAITING) })),
  );
  const pictures = new Map<string, WaitingPicture>();
  for (const { place, records } of found) {
    for (const record of records) {
      const known = pictures.get(record.sessionId)?.options ?? [];
      const options = [...known, ...optionsOf(catalog, place, record, nowMs)];
      const places = new Map(options.map((option) => [placeName(option.place), option]));
      pictures.set(record.sessionId, { sessionId: record.sessionId, options: [...places.values()] });
    }
  }
  const places = found.filter(({ records }) => records.length > 0).map(({ place }) => place);
  return { pictures: [...pictures.values()], places };
}

function optionsOf(
  catalog: Catalog,
  { region, pool }: Place,
  { arrivedAtMs, meta }: WaitingRecord,
  nowMs: number,
): PlaceOption[] {
  const { reach = {}, rttMs } = reachOf(meta.match);
  const policy = catalog.titles.get(meta.title)?.latencyPolicy ?? [];
  const others = Object.entries(reach).flatMap(([other, otherRttMs]) => {
    const after = acceptableAfterMs(policy, otherRttMs);
    const isAcceptable = after !== undefined && after <= nowMs - arrivedAtMs;
    return other !== region && isAcceptable
      ? [{ place: placeIn(catalog, other, pool), rttMs: otherRttMs }]
      : [];
  });
  return [{ place: placeIn(catalog, region, pool), rttMs }, ...others];
}

async function sessionsOfHosts(
  store: FleetStore,
  hosts: readonly { readonly place: Place; readonly host: HostRecord }[],
): Promise<SeatedSession[]> {
  const found = await Promise.all(
    hosts.map(async ({ place, host }) =>
      (await store.hostSessions(place, host.hostId)).map((session) => ({ place, session })),
    ),
  );
  return found.flat();
}

async function scanPlaces(store: FleetStore, places: readonly PlaceHosts[]): Promise<SeatedSession[]> {
  const found = await Promise.all(
    places.filter(({ hosts }) => hosts.length > 0).map(({ place }) => scanPlace(store, place)),
  );
  return found.flat();
}

async function scanPlace(store: FleetStore, place: Place): Promise<SeatedSession[]> {
  const seen = new Map<string, SeatedSession>();
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

function draw(
  known: KnownPictures,
  { closedPlaces, quarantined, leave }: RoundRequest,
  hot: HotHosts,
  fleet: readonly PlaceHosts[],
  seated: readonly SeatedSession[],
  waiting: readonly WaitingPicture[],
  nowMs: number,
  storeInDoubt: boolean,
): FleetPicture {
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
    storeInDoubt,
    waiting,
    hosts: fleet.flatMap(({ place, hosts }) =>
      hosts.map((host) =>
        hostPicture(place, host, {
          hot: isHot(hot, place, host.hostId),
          placeIsOpen: !closed.has(placeName(place)),
          quarantined: isQuarantined.has(hostKey(place, host.hostId)),
          sessions: bySeat.get(hostKey(place, host.hostId)) ?? [],
        }),
      ),
    ),
    sessions: known.draw(seated, (sessionId) => isLeft.has(sessionId)),
  };
}
