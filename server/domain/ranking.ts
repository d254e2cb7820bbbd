import { hasTitle, type Catalog, type LatencyStep, type RegionPool, type Pool } from './catalog.js';
import { isSuitable, type DeviceAbility, type PoolRequirements } from './suitability.js';

/** A request as the ranking sees it. */
export interface PlacementRequest extends PoolRequirements {
  /** Measured RTT per region, in milliseconds. */
  readonly rtt: Readonly<Record<string, number>>;
  readonly regions?:
    | { readonly only?: readonly string[] | undefined; readonly exclude?: readonly string[] | undefined }
    | undefined;
}

/** What the ranking knows of the fleet. Both may be a second old: the store has the last word. */
export interface FleetView {
  /** Whether it takes new sessions: operators have not closed it. */
  isOpen(regionPool: RegionPool): boolean;
  /** Committed over slots of the ready hosts, 0 to 1; `undefined` where no ready host is known. */
  utilisation(regionPool: RegionPool): number | undefined;
}

/** A place that may serve the request. */
export interface Candidate {
  readonly place: RegionPool;
  readonly rttMs: number;
  /** Known utilisation, 0 to 1; 1 where no ready host is known. */
  readonly utilisation: number;
  /** `rttMs` plus the cost of congestion, in milliseconds: lower is better. */
  readonly costMs: number;
  /** The waiting time from which the latency policy accepts this region. */
  readonly acceptableAfterMs: number;
}

export type Ranking =
  | { readonly ok: true; readonly candidates: readonly Candidate[] }
  | {
      readonly ok: false;
      readonly code: 'UNKNOWN_TITLE' | 'NO_SUITABLE_POOL' | 'NO_REGION_IN_REACH' | 'REGION_CLOSED';
    };

/** Weight of congestion against distance, in milliseconds (see `congestionCostMs`). */
const CONGESTION_WEIGHT_MS = 8;

/** A place with no room left is worth this much detour, at most; keeps the cost finite. */
const MAX_UTILISATION = 0.999;

/**
 * What a region's congestion is worth in milliseconds of RTT: `8 × u / (1 − u)`, the shape of the mean
 * wait in an M/M/1 queue. Convex, so that players spill to the next region before the first is full
 * (8 ms of detour at half load, 72 ms at 90 %), and nobody is sent far away for nothing.
 */
export function congestionCostMs(utilisation: number): number {
  const u = Math.min(Math.max(utilisation, 0), MAX_UTILISATION);
  return (CONGESTION_WEIGHT_MS * u) / (1 - u);
}

/** The waiting time from which the policy accepts this RTT; `undefined` when it never does. */
export function acceptableAfterMs(policy: readonly LatencyStep[], rttMs: number): number | undefined {
  return policy.find((step) => rttMs <= step.maxRttMs)?.afterMs;
}

/**
 * Every place that may serve the request, most preferred first: what the latency policy accepts earlier
 * comes before what it accepts later, and within one step the lower cost comes first.
 */
export function rankCandidates(
  catalog: Catalog,
  fleet: FleetView,
  wish: PlacementRequest,
  device: DeviceAbility,
): Ranking {
  const title = catalog.titles.get(wish.title);
  const pools: Pool[] = [];
  let isCarried = false;
  for (const pool of catalog.pools.values()) {
    if (!hasTitle(pool, wish.title)) continue;
    isCarried = true;
    if (isSuitable(pool, device, wish)) pools.push(pool);
  }
  if (title === undefined || !isCarried) return { ok: false, code: 'UNKNOWN_TITLE' };
  if (pools.length === 0) return { ok: false, code: 'NO_SUITABLE_POOL' };

  const open: Candidate[] = [];
  let isInReach = false;
  for (const [region, rttMs] of Object.entries(wish.rtt)) {
    const after = isAllowed(catalog, wish, region)
      ? acceptableAfterMs(title.latencyPolicy, rttMs)
      : undefined;
    if (after === undefined) continue;
    isInReach = true;
    for (const { pool } of pools) {
      const place = { region, pool };
      if (fleet.isOpen(place)) open.push(toCandidate(fleet, place, rttMs, after));
    }
  }
  if (!isInReach) return { ok: false, code: 'NO_REGION_IN_REACH' };
  return open.length === 0
    ? { ok: false, code: 'REGION_CLOSED' }
    : { ok: true, candidates: open.sort(byPreference) };
}

function isAllowed(catalog: Catalog, wish: PlacementRequest, region: string): boolean {
  const { only, exclude } = wish.regions ?? {};
  return (
    catalog.regions.has(region) &&
    (only === undefined || only.includes(region)) &&
    exclude?.includes(region) !== true
  );
}

function toCandidate(fleet: FleetView, regionPool: RegionPool, rttMs: number, after: number): Candidate {
  const utilisation = fleet.utilisation(regionPool) ?? 1;
  return {
    place: regionPool,
    rttMs,
    utilisation,
    costMs: rttMs + congestionCostMs(utilisation),
    acceptableAfterMs: after,
  };
}

/** A total order, so that every broker ranks alike. */
function byPreference(a: Candidate, b: Candidate): number {
  return (
    a.acceptableAfterMs - b.acceptableAfterMs ||
    a.costMs - b.costMs ||
    a.rttMs - b.rttMs ||
    compareNames(a.place.region, b.place.region) ||
    compareNames(a.place.pool, b.place.pool)
  );
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
