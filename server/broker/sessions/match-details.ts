import type { StreamSettings } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import { DEFAULT_TIER } from '../../domain/tiers.js';

/** What `matched` contains besides the host. Stored with the session, so that a repeated request gets the same answer. */
export interface MatchDetails {
  readonly stream: StreamSettings;
  readonly rank: number;
  readonly candidates: number;
  readonly rttMs: number;
  readonly reason: string;
  /** The player's tier, from which any broker derives the session's limits for the host. */
  readonly tier: string;
  /** RTT in milliseconds by region, for all regions that have this pool and suit the player; absent when there is only one. */
  readonly reach?: Readonly<Record<string, number>>;
  /** Regions, this one included, that the client could not measure. Their RTTs are the largest that the latency policy accepts. */
  readonly unmeasured?: readonly string[];
  /** The client supports `moving`. */
  readonly canMove?: true;
  /** The assignment before the last live move. */
  readonly movedFrom?: MovedFrom;
}

/** The assignment before a move, and the broker that carried out the move. */
export interface MovedFrom extends RegionPool {
  readonly hostId: string;
  readonly epoch: number;
  /** The epoch of the request when the move began; usually the same as `epoch`. */
  readonly requestEpoch: number;
  readonly coordinatorBrokerId: string;
}

export function encodeMatch(details: MatchDetails): string {
  return JSON.stringify(details);
}

/** Decodes the text of `encodeMatch`. Brokers of earlier versions wrote no tier. */
export function decodeMatch(text: string): MatchDetails {
  return { tier: DEFAULT_TIER, ...(JSON.parse(text) as Omit<MatchDetails, 'tier'>) };
}

/** Whether the session moved to its present host. Called for every session of every host report, so it does not parse the JSON. */
export function hasMoved(match: string): boolean {
  return match.includes('"movedFrom":');
}

/** The part that the rebalancer needs. */
export type SessionReach = Pick<MatchDetails, 'rttMs' | 'reach' | 'canMove'>;

/**
 * Decodes only the fields of `SessionReach`, because the rebalancer decodes tens of thousands of sessions. Quotes inside JSON
 * strings are escaped, so no text can be mistaken for a field.
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
