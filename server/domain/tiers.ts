/** A class of players: what they get of the queue, and how long they may play. */
export interface Tier {
  /** Its requests stand in the queue as if they had come so much earlier. Finite, so everybody's wait is bounded. */
  readonly headStartMs: number;
  /** A session without the player doing anything for so long ends with `idle`; `null` sets no such limit. */
  readonly idleMs: number | null;
  /** A session of so long, from its first stream on, ends with `max_length`; `null` sets no such limit. */
  readonly maxLengthMs: number | null;
  /** How long before either limit its player is warned, the earliest warning first. */
  readonly warnBeforeMs: readonly number[];
}

/** Tiers by name. `DEFAULT_TIER` is always among them. */
export type Tiers = ReadonlyMap<string, Tier>;

/** The tier of players whose token names none, or one that the configuration does not have. */
export const DEFAULT_TIER = 'default';

/** What holds for a tier where the configuration says nothing. */
export const TIER_DEFAULTS: Tier = {
  headStartMs: 0,
  idleMs: null,
  maxLengthMs: null,
  warnBeforeMs: [300_000, 60_000],
};

/** The tier of that name, or the default one. */
export function tierOf(tiers: Tiers, name: string): Tier {
  return tiers.get(name) ?? tiers.get(DEFAULT_TIER) ?? TIER_DEFAULTS;
}
