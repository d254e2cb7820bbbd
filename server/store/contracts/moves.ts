import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import type { EndedSession, Reservation, SessionRecord } from './session-record.js';

/** Which hosts are acceptable as the target of a move. */
export interface TargetHostRequirements {
  /** The session's present host; `null` when the session comes from another region pool. */
  readonly excludedHostId: string | null;
  /** A host that is more congested than this is not acceptable; in millionths. */
  readonly maxCongestion: number;
}

/**
 * - `reserved`: a slot of the host is reserved, until the session moves there or the time is over.
 * - `full`: no ready, open host of the region pool meets the requirements.
 * - `closed`: operators closed the region pool.
 * - `over`: another move of this session to this region pool has that epoch, or a higher one.
 */
export type ReserveTargetOutcome =
  | { readonly kind: 'reserved'; readonly hostId: string; readonly hostConnectionId: string }
  | { readonly kind: 'full' | 'closed' | 'over' };

/**
 * The report that completes a move: the target host's, when the client connected to it; or, for a reservation that no
 * client has claimed, that of the broker that moves it.
 */
export interface MoveCompletion {
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly state: HeldState | 'reserved';
  /** Used when the session comes from another region pool: its client's last known broker; empty when unknown. */
  readonly clientBrokerId: string;
  /** Of the session as it was before; the session keeps the higher one. */
  readonly seq: number;
}

/**
 * - `moved`: the session is on that host from now on, in this region pool.
 * - `over`: the move was cancelled, or the session has a newer epoch. The host has to end the session.
 * - `unknown`: no target slot is reserved for it there; or it was to move unclaimed, and a client has claimed it.
 */
export type CompleteMoveOutcome =
  | { readonly kind: 'moved'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'unknown' };

/** A host's report whether it would hand over the state of one of its sessions. */
export interface MovableChange {
  readonly hostId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly movable: boolean;
}

/** Moves of sessions to other hosts. Errors and lists: see `FleetStore`. */
export interface MoveStore {
  /**
   * Reserves a slot for a session that is to move to this region pool, on the least congested acceptable host. The session
   * itself stays unchanged, in whichever region pool it is. `clientBrokerId` of the reservation is the broker that runs the
   * move.
   *
   * The search goes from the least congested host on and ends at the first one above the limit. A silent host before that
   * becomes suspect and gets nothing.
   *
   * @param ttlMs how long the slot stays reserved: the same in all calls for a region pool
   */
  reserveTargetSlot(
    regionPool: RegionPool,
    reservation: Reservation,
    requirements: TargetHostRequirements,
    ttlMs: number,
    callerId: string,
  ): Promise<ReserveTargetOutcome>;
  /**
   * Gives the session the target slot, at the new epoch. If it was in this region pool before, the same step frees its old
   * slot; a session in another region pool is for the caller to end.
   *
   * @param ttlMs how long a reservation lasts, if an unclaimed reservation moves
   */
  completeMove(
    regionPool: RegionPool,
    completion: MoveCompletion,
    ttlMs: number,
    callerId: string,
  ): Promise<CompleteMoveOutcome>;
  /**
   * Cancels a move, unless it is complete. After this the move cannot complete any more.
   *
   * @returns the target reservation that ended; `null` when there is none for that epoch
   */
  releaseTargetSlot(
    regionPool: RegionPool,
    sessionId: string,
    epoch: number,
    callerId: string,
  ): Promise<EndedSession | null>;

  /** Keeps the state that a host handed over until the target host takes it, for `CHECKPOINT_KEPT_MS` at most. */
  putCheckpoint(regionPool: RegionPool, sessionId: string, epoch: number, state: string): Promise<void>;
  /** Returns the state and deletes it; `null` when there is none. */
  takeCheckpoint(regionPool: RegionPool, sessionId: string, epoch: number): Promise<string | null>;

  /** Records which sessions may be moved. A change takes effect only at its epoch, on its host. */
  recordMovableChanges(regionPool: RegionPool, changes: readonly MovableChange[]): Promise<void>;

  /** Records a completed or failed move in the log of the region that the session left. */
  recordMove(entry: Omit<MoveEntry, 'atMs'>): Promise<void>;
  /** The latest moves out of a region, the newest first: `MOVES_KEPT` at most. */
  listMoves(region: string, limit: number): Promise<readonly MoveEntry[]>;
}

/** How long a checkpoint is kept: longer than any move takes. */
export const CHECKPOINT_KEPT_MS = 60_000;

/** How many moves of a region are remembered. */
export const MOVES_KEPT = 1_000;
