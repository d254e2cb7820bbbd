import type { Catalog, RegionPool } from '../../domain/catalog.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { RegionPoolOption, SessionSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import { hasMoved, decodeReach, type SessionReach } from '../sessions/match-details.js';

/** How far from its player a session may be moved. */
export type LatencyBound =
  /** As far as the title's policy accepts at once, or as it is away already: nobody is worse off than the policy means. */
  | 'as_well'
  /** As far as the policy ever goes: better than an end. */
  | 'at_all';

/** The same object for the same place: plans tell places apart by it first. */
const regionPoolsOfCatalog = new WeakMap<Catalog, Map<string, RegionPool>>();

export function regionPoolIn(catalog: Catalog, region: string, pool: string): RegionPool {
  const known = regionPoolsOfCatalog.get(catalog) ?? new Map<string, RegionPool>();
  regionPoolsOfCatalog.set(catalog, known);
  const name = `${region}/${pool}`;
  const place = known.get(name) ?? { region, pool };
  known.set(name, place);
  return place;
}

/**
 * A session as plans see it.
 *
 * @param isExcluded whether it is to be left alone at the moment
 */
export function toSessionSnapshot(
  catalog: Catalog,
  place: RegionPool,
  { sessionId, hostId, state, movable, meta, reservedAtMs }: SessionRecord,
  reach: LatencyBound,
  isExcluded: boolean,
): SessionSnapshot {
  const fixed = { sessionId, hostId, place, kind: 'fixed', options: [], movedAtMs: null } as const;
  const isUnclaimed = state === 'reserved';
  if (isExcluded || meta === null || !(isUnclaimed || (state === 'connected' && movable))) return fixed;
  const details = decodeReach(meta.match);
  if (!isUnclaimed && details.canMove !== true) return fixed;
  return {
    sessionId,
    hostId,
    place,
    kind: isUnclaimed ? 'unclaimed' : 'movable',
    options: optionsOf(catalog, place, meta, details, reach),
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
      ? [{ place: regionPoolIn(catalog, other, pool), rttMs }]
      : [];
  });
  return [{ place: regionPoolIn(catalog, region, pool), rttMs: ownRttMs }, ...others];
}
