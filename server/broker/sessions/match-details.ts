import type { StreamSettings } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import { DEFAULT_TIER } from '../../domain/tiers.js';

/** What a match told its client beside the host: kept with the session, so that a repeat gets the same. */
export interface MatchDetails {
  readonly stream: StreamSettings;
  readonly rank: number;
  readonly candidates: number;
  readonly rttMs: number;
  readonly reason: string;
  /** The player's tier: any broker may have to tell a host what the session is held to. */
  readonly tier: string;
  /** RTT by region, in milliseconds, of every region where a like host would do; absent where there is no other. */
  readonly reach?: Readonly<Record<string, number>>;
  /** Its client follows `moving`. */
  readonly canMove?: true;
  /** Where it came from, when it moved while it was played. */
  readonly movedFrom?: MovedFrom;
}

/** The assignment before a move, and who carried the move out. */
export interface MovedFrom extends RegionPool {
  readonly hostId: string;
  readonly epoch: number;
  /** What the request had when the move began; mostly the same. */
  readonly requestEpoch: number;
  readonly coordinatorBrokerId: string;
}

export function encodeMatch(details: MatchDetails): string {
  return JSON.stringify(details);
}

/** Reads what `encodeMatch` wrote; only brokers write it, older ones without a tier. */
export function decodeMatch(text: string): MatchDetails {
  return { tier: DEFAULT_TIER, ...(JSON.parse(text) as Omit<MatchDetails, 'tier'>) };
}

/** Whether the session moved here while it was played: looked for in every report of a host, so without reading it. */
export function hasMoved(match: string): boolean {
  return match.includes('"movedFrom":');
}

/** What plans of moves want of it. */
export type SessionReach = Pick<MatchDetails, 'rttMs' | 'reach' | 'canMove'>;

/**
 * The same as `decodeMatch` has it, without reading the rest: plans look at tens of thousands. Quotes in texts are escaped,
 * so that nothing in a reason looks like a field.
 */
export function decodeReach(match: string): SessionReach {
  const reachAt = match.indexOf('"reach":{');
  const rttAt = match.indexOf('"rttMs":');
  const rttMs = Number.parseFloat(match.slice(rttAt + '"rttMs":'.length));
  const canMove = match.includes('"canMove":true') ? { canMove: true as const } : {};
  if (reachAt < 0) return { rttMs, ...canMove };
  const from = reachAt + '"reach":'.length;
  const reach = JSON.parse(match.slice(from, match.indexOf('}', from) + 1)) as Record<string, number>;
  return { rttMs, reach, ...canMove };
}
