import type { RegionPool } from '../../catalog.js';

/** Why a session is moved. Loads are shares of a host, places are those that room is made in. */
export type MoveReason =
  | { readonly code: 'hot_host'; readonly load: number }
  | { readonly code: 'make_room'; readonly place: RegionPool }
  | { readonly code: 'drain' };

/** Moves one session. Moves with one `chain` are carried out one after the other, by `order`. */
export interface MoveAction {
  readonly kind: 'move';
  readonly sessionId: string;
  readonly from: { readonly place: RegionPool; readonly hostId: string };
  /** The host is what the plan expects: the store chooses the least congested. `null`: no expectation. */
  readonly to: { readonly place: RegionPool; readonly hostId: string | null };
  /** The most congestion that the new host may have before the session comes: what the store is to be asked with. */
  readonly cap: number;
  /** Nobody has claimed the session yet: nobody notices, and the budget is not charged. */
  readonly free: boolean;
  readonly reason: MoveReason;
  readonly chain: number;
  /** From 0: when it is this step's turn. A step that fails ends its chain. */
  readonly order: number;
  /** The session of the waiting player whom the chain serves. */
  readonly forWaiting: string | null;
}

/** Takes a host out of the choice for new sessions, or puts it back. */
export interface HostExclusionAction {
  readonly kind: 'shun' | 'unshun';
  readonly place: RegionPool;
  readonly hostId: string;
}

export type RebalanceAction = MoveAction | HostExclusionAction;
