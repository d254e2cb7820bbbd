import type { Catalog, Place } from '../../domain/catalog.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { PlaceOption, SessionPicture } from '../../domain/rebalance/picture.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import { mentionsMove, reachOf, type MatchReach } from '../match-details.js';

/** How far from its player a session may be moved. */
export type Reach =
  /** As far as the title's policy accepts at once, or as it is away already: nobody is worse off than the policy means. */
  | 'as_well'
  /** As far as the policy ever goes: better than an end. */
  | 'at_all';

/** The same object for the same place: plans tell places apart by it first. */
const places = new WeakMap<Catalog, Map<string, Place>>();

export function placeIn(catalog: Catalog, region: string, pool: string): Place {
  const known = places.get(catalog) ?? new Map<string, Place>();
  places.set(catalog, known);
  const name = `${region}/${pool}`;
  const place = known.get(name) ?? { region, pool };
  known.set(name, place);
  return place;
}

/**
 * A session as plans see it.
 *
 * @param leave whether it is to be left alone at the moment
 */
export function sessionPicture(
  catalog: Catalog,
  place: Place,
  { sessionId, hostId, state, movable, meta, reservedAtMs }: SessionRecord,
  reach: Reach,
  leave: boolean,
): SessionPicture {
  const fixed = { sessionId, hostId, place, kind: 'fixed', options: [], movedAtMs: null } as const;
  const isUnclaimed = state === 'reserved';
  if (leave || meta === null || !(isUnclaimed || (state === 'connected' && movable))) return fixed;
  const details = reachOf(meta.match);
  if (!isUnclaimed && details.canMove !== true) return fixed;
  return {
    sessionId,
    hostId,
    place,
    kind: isUnclaimed ? 'unclaimed' : 'movable',
    options: optionsOf(catalog, place, meta, details, reach),
    movedAtMs: mentionsMove(meta.match) ? reservedAtMs : null,
  };
}

function optionsOf(
  catalog: Catalog,
  { region, pool }: Place,
  { title }: SessionMeta,
  { reach: rtts = {}, rttMs: ownRttMs }: MatchReach,
  reach: Reach,
): PlaceOption[] {
  const policy = catalog.titles.get(title)?.latencyPolicy ?? [];
  const own = acceptableAfterMs(policy, ownRttMs) ?? 0;
  const others = Object.entries(rtts).flatMap(([other, rttMs]) => {
    const after = acceptableAfterMs(policy, rttMs);
    const isAcceptable = after !== undefined && (reach === 'at_all' || after <= own);
    return other !== region && isAcceptable && catalog.regions.has(other)
      ? [{ place: placeIn(catalog, other, pool), rttMs }]
      : [];
  });
  return [{ place: placeIn(catalog, region, pool), rttMs: ownRttMs }, ...others];
}
