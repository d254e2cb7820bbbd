import type { Catalog, RegionPool } from '../../domain/catalog.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { RegionPoolOption, SessionSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import { hasMoved, decodeReach, type SessionReach } from '../sessions/match-details.js';

/** How far from its player a session may be moved, by the latency policy of its title. */
export type LatencyBound =
  /** To regions that the policy accepts as early as the present one, so that the player is not worse off. */
  | 'as_well'
  /** To all regions that the policy ever accepts, since the session would end otherwise. */
  | 'at_all';

/** One object for each region pool, since plans compare objects first (`PlannedFleet.indexOfRegionPool`). */
const regionPoolsOfCatalog = new WeakMap<Catalog, Map<string, RegionPool>>();

/** The region pool of these names, always the same object for a catalog. */
export function regionPoolIn(catalog: Catalog, region: string, pool: string): RegionPool {
  const known = regionPoolsOfCatalog.get(catalog) ?? new Map<string, RegionPool>();
  regionPoolsOfCatalog.set(catalog, known);
  const name = `${region}/${pool}`;
  const regionPool = known.get(name) ?? { region, pool };
  known.set(name, regionPool);
  return regionPool;
}

/**
 * Converts the record of a session for plans.
 *
 * @param isExcluded whether the session must not be moved now; it becomes `fixed` then
 */
export function toSessionSnapshot(
  catalog: Catalog,
  regionPool: RegionPool,
  { sessionId, hostId, state, movable, meta, reservedAtMs }: SessionRecord,
  reach: LatencyBound,
  isExcluded: boolean,
): SessionSnapshot {
  const fixed = {
    sessionId,
    hostId,
    regionPool,
    kind: 'fixed',
    options: [],
    movedAtMs: null,
  } as const;
  const isUnclaimed = state === 'reserved';
  if (isExcluded || meta === null || !(isUnclaimed || (state === 'connected' && movable))) return fixed;
  const details = decodeReach(meta.match);
  if (!isUnclaimed && details.canMove !== true) return fixed;
  return {
    sessionId,
    hostId,
    regionPool,
    kind: isUnclaimed ? 'unclaimed' : 'movable',
    options: optionsOf(catalog, regionPool, meta, details, reach),
    movedAtMs: hasMoved(meta.match) ? reservedAtMs : null,
  };
}

function optionsOf(
  catalog: Catalog,
  { region, pool }: RegionPool,
  { title }: SessionMeta,
  { reach: rtts = {}, rttMs: ownRttMs }: SessionReach,
  reach: LatencyBound,
): RegionPoolOption[] {
  const policy = catalog.titles.get(title)?.latencyPolicy ?? [];
  const own = acceptableAfterMs(policy, ownRttMs) ?? 0;
  const others = Object.entries(rtts).flatMap(([other, rttMs]) => {
    const after = acceptableAfterMs(policy, rttMs);
    const isAcceptable = after !== undefined && (reach === 'at_all' || after <= own);
    return other !== region && isAcceptable && catalog.regions.has(other)
      ? [{ regionPool: regionPoolIn(catalog, other, pool), rttMs }]
      : [];
  });
  return [{ regionPool: regionPoolIn(catalog, region, pool), rttMs: ownRttMs }, ...others];
}
