/** A class of players: their priority in queues, and the limits of their sessions. */
export interface Tier {
  /** Requests of this tier are queued as if they had arrived this much earlier, in milliseconds. Bounded, so that no tier starves. */
  readonly headStartMs: number;
  /** A session ends with `idle` after this time without input of the player, in milliseconds; `null` for no limit. */
  readonly idleMs: number | null;
  /** A session ends with `max_length` this long after its ticket was first accepted, in milliseconds; `null` for no limit. */
  readonly maxLengthMs: number | null;
  /** Times before either limit at which the player is warned, in milliseconds, the longest first. */
  readonly warnBeforeMs: readonly number[];
}

/** Tiers by name. `DEFAULT_TIER` is always among them. */
export type Tiers = ReadonlyMap<string, Tier>;

/** Tier of players whose token names no tier, or one that is not configured. */
export const DEFAULT_TIER = 'default';

/** The values that apply if the configuration of a tier does not set them. */
export const TIER_DEFAULTS: Tier = {
  headStartMs: 0,
  idleMs: null,
  maxLengthMs: null,
  warnBeforeMs: [300_000, 60_000],
};

/** The tier of that name; the default tier if it is not configured. */
export function tierOf(tiers: Tiers, name: string): Tier {
  return tiers.get(name) ?? tiers.get(DEFAULT_TIER) ?? TIER_DEFAULTS;
}
