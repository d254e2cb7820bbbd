import type { RegionPool } from './catalog.js';

/** Why sessions are moved: their host is too hot, others wait for their slots, or their host is being drained. */
export const MOVE_CAUSES = ['hot_host', 'make_room', 'drain'] as const;
export type MoveCause = (typeof MOVE_CAUSES)[number];

export const MOVE_OUTCOMES = ['moved', 'failed'] as const;
export type MoveOutcome = (typeof MOVE_OUTCOMES)[number];

/** A move that was tried, as operators see it. */
export interface MoveEntry {
  /** When it was over, by the store's clock, in milliseconds since 1970. */
  readonly atMs: number;
  readonly sessionId: string;
  readonly from: RegionPool & { readonly hostId: string };
  /** `hostId`: `null` when it failed before a host was found. */
  readonly to: RegionPool & { readonly hostId: string | null };
  readonly cause: MoveCause;
  /** Why, in words. */
  readonly reason: string;
  readonly outcome: MoveOutcome;
  /** Whether nobody had claimed the session yet. */
  readonly unclaimed: boolean;
  /** Why it failed, in words; `null` when it did not. */
  readonly failure: string | null;
  readonly tookMs: number;
}
