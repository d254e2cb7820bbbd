import { Register } from '@duskline/protocol';
import { Type, type Static } from 'typebox';
import { DEFAULT_TIER, TIER_DEFAULTS, type Tier, type Tiers } from '../../domain/tiers.js';
import type { Report } from '../config-error.js';
import { listOf, mapOf } from '../unvalidated-values.js';

const { region: Name } = Register.properties;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The store keeps requests for a day, and no session may last longer than its request is known. */
const LONGEST_SESSION_MS = 24 * HOUR_MS;

/** Maximum length of `warnBeforeMs` in message `prepare`. */
const MAX_WARNINGS = 8;

const TierEntry = Type.Object(
  {
    headStartMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: HOUR_MS, default: TIER_DEFAULTS.headStartMs }),
    ),
    idleMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: LONGEST_SESSION_MS })),
    maxLengthMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: LONGEST_SESSION_MS })),
    warnBeforeMs: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1_000, maximum: LONGEST_SESSION_MS }), {
        maxItems: MAX_WARNINGS,
        default: [...TIER_DEFAULTS.warnBeforeMs],
      }),
    ),
  },
  { additionalProperties: false },
);

/** Schema of section `tiers`: tiers by name. */
export const TiersSection = Type.Record(Name, TierEntry, { additionalProperties: false });
export type TiersSection = Static<typeof TiersSection>;

/** Reports mistakes in tiers that the schema cannot express. Accepts any value. */
export function checkTiers(section: unknown, report: Report): void {
  for (const [name, tier] of Object.entries(mapOf(section))) {
    const seen = new Set<unknown>();
    listOf(mapOf(tier)['warnBeforeMs']).forEach((warning, index) => {
      if (seen.has(warning)) {
        report(['tiers', name, 'warnBeforeMs', index], `${String(warning)} occurs twice`);
      }
      seen.add(warning);
    });
  }
}

/** Builds the tiers of a valid section, with the default tier in any case. */
export function buildTiers(section: TiersSection = {}): Tiers {
  const tiers = new Map<string, Tier>([[DEFAULT_TIER, TIER_DEFAULTS]]);
  for (const [name, entry] of Object.entries(section)) {
    const tier = { ...TIER_DEFAULTS, ...entry };
    tiers.set(name, { ...tier, warnBeforeMs: [...tier.warnBeforeMs].sort((a, b) => b - a) });
  }
  return tiers;
}
