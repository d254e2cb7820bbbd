import { DEFAULT_TIER, type Tiers } from '../../domain/tiers.js';
import type { Logger } from '../logger.js';

/** So many unknown names are warned of; more come from an issuer that means something else by the claim. */
const MAX_WARNINGS = 100;

/**
 * Which tier holds for the name that a player's token gives. One that the configuration does not have counts as
 * the default one: an issuer may be ahead of the brokers, and its players are to play all the same.
 */
export function createTierChooser(tiers: Tiers, log: Logger): (name: string) => string {
  const warned = new Set<string>();
  return (name) => {
    if (tiers.has(name)) return name;
    if (!warned.has(name) && warned.size < MAX_WARNINGS) {
      warned.add(name);
      log.warn({ tier: name }, 'a player token names a tier that the configuration does not have');
    }
    return DEFAULT_TIER;
  };
}
