import type { StoreMs } from '../../domain/store-time.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { MatchDetails } from './match-details.js';

/** A session that has a slot: newly reserved, or found again for a repeated request. */
export interface PlacedSession {
  readonly regionPool: RegionPool;
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly hostConnectionId: string;
  readonly claimWithinMs: number;
  readonly meta: SessionMeta;
  /** The session's `seq` for the connection that gets it; absent for a new session. */
  readonly seq?: number;
  /** The decoded `meta.match`, when the caller has it anyway. */
  readonly details?: MatchDetails;
  /** When the request began to wait in a queue; absent or `null` when it did not wait. */
  readonly arrivedAtMs?: StoreMs | null;
  /** The stored session, when the request was made before. */
  readonly earlierSession?: SessionRecord;
}
