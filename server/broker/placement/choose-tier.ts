import { DEFAULT_TIER, type Tiers } from '../../domain/tiers.js';
import type { Logger } from '../logger.js';

/** Maximum number of unknown tiers that are logged. An issuer that uses the claim for something else would name many. */
const MAX_WARNINGS = 100;

/**
 * Returns a function that maps the tier named by a player's token to a configured tier. An unknown name means the default
 * tier: the issuer may know a new tier before the brokers do, and its players must still be able to play.
 */
export function createTierChooser(tiers: Tiers, log: Logger): (name: string) => string {
  const warned = new Set<string>();
  return (name) => {
    if (tiers.has(name)) return name;
    if (!warned.has(name) && warned.size < MAX_WARNINGS) {
      warned.add(name);
      log.warn(
        { tier: name },
        'a player token names a tier that is not configured; the default tier is used',
      );
    }
    return DEFAULT_TIER;
  };
}
