import { hasTitle, type Catalog, type LatencyStep, type RegionPool, type Pool } from './catalog.js';
import { isSuitable, type DeviceAbility, type PoolRequirements } from './suitability.js';

/** The fields of a request that the ranking uses. */
export interface PlacementRequest extends PoolRequirements {
  /** Measured round-trip time by region, in milliseconds; `null` if the measurement failed. */
  readonly rtt: Readonly<Record<string, number | null>>;
  readonly regions?:
    | {
        readonly only?: readonly string[] | undefined;
        readonly exclude?: readonly string[] | undefined;
        readonly prefer?: readonly string[] | undefined;
      }
    | undefined;
}

/** The broker's cached view of the fleet. It may be a second old: the store decides when a slot is reserved. */
export interface FleetView {
  /** Whether operators have not closed the region pool to new sessions. */
  isOpen(regionPool: RegionPool): boolean;
  /** Committed slots over slots of the ready hosts, 0 to 1; `undefined` if no ready host is known. */
  utilisation(regionPool: RegionPool): number | undefined;
}

/** A region pool that may serve the request. */
export interface Candidate {
  readonly regionPool: RegionPool;
  /** The largest that the latency policy accepts if the client could not measure the region. */
  readonly rttMs: number;
  readonly isMeasured: boolean;
  /** Index in the player's list of preferred regions; `NOT_PREFERRED` if it is not there. */
  readonly preference: number;
  /** Utilisation, 0 to 1; 1 if no ready host is known. */
  readonly utilisation: number;
  /** `rttMs` plus the cost of congestion, in milliseconds. Lower is better. */
  readonly costMs: number;
  /** Waiting time from which the latency policy accepts this region, in milliseconds. */
  readonly acceptableAfterMs: number;
}

/** The candidates in the order of preference, or the error code if there are none. */
export type Ranking =
  | { readonly ok: true; readonly candidates: readonly Candidate[] }
  | {
      readonly ok: false;
      readonly code: 'UNKNOWN_TITLE' | 'NO_SUITABLE_POOL' | 'NO_REGION_IN_REACH' | 'REGION_CLOSED';
    };

/** `Candidate.preference` of regions that the player does not prefer: beyond every index. */
export const NOT_PREFERRED = Number.MAX_SAFE_INTEGER;

/** Weight of congestion relative to distance, in milliseconds (see `congestionCostMs`). */
const CONGESTION_WEIGHT_MS = 8;

/** Upper bound of the utilisation in `congestionCostMs`, so that the cost stays finite. */
const MAX_UTILISATION = 0.999;

/**
 * Cost of congestion in milliseconds of round-trip time: `8 × u / (1 − u)`, the shape of the mean wait in an M/M/1 queue.
 * It is convex, so that players spill to the next region before the nearest one is full (8 ms at half load, 72 ms at 90 %),
 * but not while it has plenty of slots.
 *
 * @param utilisation 0 to 1
 */
export function congestionCostMs(utilisation: number): number {
  const u = Math.min(Math.max(utilisation, 0), MAX_UTILISATION);
  return (CONGESTION_WEIGHT_MS * u) / (1 - u);
}

/** Waiting time from which the policy accepts this round-trip time, in milliseconds; `undefined` if it never does. */
export function acceptableAfterMs(policy: readonly LatencyStep[], rttMs: number): number | undefined {
  return policy.find((step) => rttMs <= step.maxRttMs)?.afterMs;
}

/**
 * Ranks the region pools that may serve the request: first those that the latency policy accepts earlier, then measured
 * ones, then those that the player prefers, then those with the lower cost.
 */
export function rankCandidates(
  catalog: Catalog,
  fleet: FleetView,
  request: PlacementRequest,
  device: DeviceAbility,
): Ranking {
  const title = catalog.titles.get(request.title);
  const pools: Pool[] = [];
  let isOffered = false;
  for (const pool of catalog.pools.values()) {
    if (!hasTitle(pool, request.title)) continue;
    isOffered = true;
    if (isSuitable(pool, device, request)) pools.push(pool);
  }
  if (title === undefined || !isOffered) return { ok: false, code: 'UNKNOWN_TITLE' };
  if (pools.length === 0) return { ok: false, code: 'NO_SUITABLE_POOL' };

  const open: Candidate[] = [];
  let isInReach = false;
  for (const [region, measuredMs] of Object.entries(request.rtt)) {
    if (!isAllowed(catalog, request, region)) continue;
    const reach = reachOf(title.latencyPolicy, measuredMs);
    if (reach === undefined) continue;
    isInReach = true;
    const preference = preferenceOf(request, region);
    for (const { pool } of pools) {
      const regionPool = { region, pool };
      if (fleet.isOpen(regionPool)) open.push(toCandidate(fleet, regionPool, reach, preference));
    }
  }
  if (!isInReach) return { ok: false, code: 'NO_REGION_IN_REACH' };
  return open.length === 0
    ? { ok: false, code: 'REGION_CLOSED' }
    : { ok: true, candidates: open.sort(byPreference) };
}

function isAllowed(catalog: Catalog, request: PlacementRequest, region: string): boolean {
  const { only, exclude } = request.regions ?? {};
  return (
    catalog.regions.has(region) &&
    (only === undefined || only.includes(region)) &&
    exclude?.includes(region) !== true
  );
}

/** How near a region is to the player. */
type Reach = Pick<Candidate, 'rttMs' | 'isMeasured' | 'acceptableAfterMs'>;

/** @returns `undefined` if the policy never accepts the region */
function reachOf(policy: readonly LatencyStep[], measuredMs: number | null): Reach | undefined {
  if (measuredMs === null) {
    const last = policy.at(-1);
    return last && { rttMs: last.maxRttMs, isMeasured: false, acceptableAfterMs: last.afterMs };
  }
  const acceptableAfter = acceptableAfterMs(policy, measuredMs);
  return acceptableAfter === undefined
    ? undefined
    : { rttMs: measuredMs, isMeasured: true, acceptableAfterMs: acceptableAfter };
}

function preferenceOf({ regions }: PlacementRequest, region: string): number {
  const index = regions?.prefer?.indexOf(region) ?? -1;
  return index < 0 ? NOT_PREFERRED : index;
}

function toCandidate(
  fleet: FleetView,
  regionPool: RegionPool,
  { rttMs, isMeasured, acceptableAfterMs: acceptableAfter }: Reach,
  preference: number,
): Candidate {
  const utilisation = fleet.utilisation(regionPool) ?? 1;
  return {
    regionPool,
    rttMs,
    isMeasured,
    preference,
    utilisation,
    costMs: rttMs + congestionCostMs(utilisation),
    acceptableAfterMs: acceptableAfter,
  };
}

/** A total order, so that all brokers rank equally. */
function byPreference(a: Candidate, b: Candidate): number {
  return (
    a.acceptableAfterMs - b.acceptableAfterMs ||
    Number(b.isMeasured) - Number(a.isMeasured) ||
    a.preference - b.preference ||
    a.costMs - b.costMs ||
    a.rttMs - b.rttMs ||
    compareNames(a.regionPool.region, b.regionPool.region) ||
    compareNames(a.regionPool.pool, b.regionPool.pool)
  );
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
