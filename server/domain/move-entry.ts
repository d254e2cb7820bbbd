import type { RegionPool } from './catalog.js';
import type { StoreMs } from './store-time.js';

/** Why sessions are moved: their host is hot, a waiting player needs the slot, or their host is being drained. */
export const MOVE_CAUSES = ['hot_host', 'make_room', 'drain'] as const;
export type MoveCause = (typeof MOVE_CAUSES)[number];

export const MOVE_OUTCOMES = ['moved', 'failed'] as const;
export type MoveOutcome = (typeof MOVE_OUTCOMES)[number];

/** A finished move in the history for operators. */
export interface MoveEntry {
  /** End of the move. */
  readonly atMs: StoreMs;
  readonly sessionId: string;
  readonly from: RegionPool & { readonly hostId: string };
  /** `hostId` is `null` if the move failed before a slot was reserved. */
  readonly to: RegionPool & { readonly hostId: string | null };
  readonly cause: MoveCause;
  /** The cause in one sentence (`explainMove`). */
  readonly reason: string;
  readonly outcome: MoveOutcome;
  /** Whether no client had claimed the session yet. */
  readonly unclaimed: boolean;
  /** Why it failed, in words; `null` if it succeeded. */
  readonly failure: string | null;
  /** Duration in milliseconds. */
  readonly tookMs: number;
}
