import type { StreamSettings } from '@duskline/protocol';
import { DEFAULT_TIER } from '../domain/tiers.js';

/** What a match told its client beside the host: kept with the session, so that a repeat gets the same. */
export interface MatchDetails {
  readonly stream: StreamSettings;
  readonly rank: number;
  readonly candidates: number;
  readonly rttMs: number;
  readonly reason: string;
  /** The player's tier: any broker may have to tell a host what the session is held to. */
  readonly tier: string;
}

export function encodeMatch(details: MatchDetails): string {
  return JSON.stringify(details);
}

/** Reads what `encodeMatch` wrote; only brokers write it, older ones without a tier. */
export function decodeMatch(text: string): MatchDetails {
  return { tier: DEFAULT_TIER, ...(JSON.parse(text) as Omit<MatchDetails, 'tier'>) };
}
