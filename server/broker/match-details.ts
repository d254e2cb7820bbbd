import type { StreamSettings } from '@duskline/protocol';

/** What a match told its client beside the host: kept with the session, so that a repeat gets the same. */
export interface MatchDetails {
  readonly stream: StreamSettings;
  readonly rank: number;
  readonly candidates: number;
  readonly rttMs: number;
  readonly reason: string;
}

export function encodeMatch(details: MatchDetails): string {
  return JSON.stringify(details);
}

/** Reads what `encodeMatch` wrote; only brokers write it. */
export function decodeMatch(text: string): MatchDetails {
  return JSON.parse(text) as MatchDetails;
}
