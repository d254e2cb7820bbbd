import type { RegionPool } from '../../domain/catalog.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { MatchDetails } from './match-details.js';

/** A session with a slot, wherever it came from: a fresh reservation, or an earlier one that was asked for again. */
export interface PlacedSession {
  readonly place: RegionPool;
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly hostConnectionId: string;
  readonly claimWithinMs: number;
  readonly meta: SessionMeta;
  /** What `meta.match` says, where it is at hand: reading it again is what it saves. */
  readonly details?: MatchDetails;
  /** When it began to wait for the slot, by the store's clock. */
  readonly arrivedAtMs?: number | null;
  /** How the session is by now, when the request was made before. */
  readonly earlierSession?: SessionRecord;
}
