import type { RegionPool } from '../../catalog.js';

/**
 * Why a session is moved: its host is hot (`load` is its measured load, as a share), a waiting player needs a slot in `regionPool`, or
 * its host is being drained.
 */
export type MoveReason =
  | { readonly code: 'hot_host'; readonly load: number }
  | { readonly code: 'make_room'; readonly regionPool: RegionPool }
  | { readonly code: 'drain' };

/** Moves one session. The moves of one `chain` run one after the other, by `order`. */
export interface MoveAction {
  readonly sessionId: string;
  readonly from: { readonly regionPool: RegionPool; readonly hostId: string };
  /** `hostId` is a forecast: the store chooses the least congested host. `null` if the plan makes no forecast. */
  readonly to: { readonly regionPool: RegionPool; readonly hostId: string | null };
  /** The highest congestion of the target host before the session arrives, as a share. The store enforces it. */
  readonly cap: number;
  /** Whether no client has claimed the session yet. Such a move interrupts no player and costs no budget. */
  readonly isUnclaimed: boolean;
  readonly reason: MoveReason;
  readonly chain: number;
  /** Position in the chain, from 0. A failed move ends its chain. */
  readonly order: number;
  /** Session id of the waiting player whom the chain serves; `null` if it serves none. */
  readonly forWaiting: string | null;
}
