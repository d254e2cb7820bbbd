import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { EndedSession, Reservation, SessionMeta, SessionRecord } from './session-record.js';

/** Which hosts will do for a session that moves. */
export interface TargetRequirements {
  /** The host it is on; `null` when it comes from another place. */
  readonly avoidHostId: string | null;
  /** A host that is more congested than this is not burdened further; in millionths. */
  readonly maxCongestion: number;
}

/**
 * - `held`: a slot is held on the host, until the session arrives there, or for the time given.
 * - `full`: no ready, open host of the place is as free as wished.
 * - `closed`: operators closed the place.
 * - `over`: another move of this session to this place has that epoch, or a higher one.
 */
export type ReserveTargetOutcome =
  | { readonly kind: 'held'; readonly hostId: string; readonly hostConnectionId: string }
  | { readonly kind: 'full' | 'closed' | 'over' };

/** A host's report that the client of a session that moves there has come; or that of a broker which moves a reservation. */
export interface MoveCompletion {
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly state: HeldState | 'reserved';
  /** The broker that its client was last seen on, for a session that comes from another place; empty when nobody knows. */
  readonly clientBrokerId: string;
}

/**
 * - `arrived`: the session is on that host from now on, in this place.
 * - `over`: the move was given up, or the session has a newer assignment: the host has to drop it.
 * - `unknown`: nothing is held for it there; or it was to move unclaimed, and has been claimed.
 */
export type CompleteMoveOutcome =
  | { readonly kind: 'arrived'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'unknown' };

/** What a host said of one of its sessions: whether it would hand its state over. */
export interface MovableChange {
  readonly hostId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly movable: boolean;
}

/** A placement that waits, as the planner wants it. */
export interface QueuedPlacement {
  readonly sessionId: string;
  readonly epoch: number;
  readonly arrivedAtMs: number;
  readonly meta: SessionMeta;
}

/** A part of a place's sessions; `next` is `null` when the pass is over. */
export interface SessionScan {
  readonly sessions: readonly SessionRecord[];
  readonly next: string | null;
}

/** Sessions that change their host. What holds for `FleetStore` holds here. */
export interface MoveStore {
  /**
   * Holds a slot for a session that is to move to this place, on the least congested host that will do. The session
   * itself is not touched, wherever it is. `clientBrokerId` of the reservation is the broker that carries the move out.
   *
   * @param ttlMs how long at the most: the same for all of a place
   */
  reserveTargetSlot(
    place: RegionPool,
    arrival: Reservation,
    wish: TargetRequirements,
    ttlMs: number,
    callerId: string,
  ): Promise<ReserveTargetOutcome>;
  /**
   * The session has arrived: the slot that was held is its own, at the new epoch. If it was in this place before, it left
   * there in the same step; what it has in another place is for the caller to end.
   *
   * @param ttlMs how long a reservation lasts
   */
  completeMove(
    place: RegionPool,
    report: MoveCompletion,
    ttlMs: number,
    callerId: string,
  ): Promise<CompleteMoveOutcome>;
  /** Gives up a move, unless the session has arrived. Returns what was held; after that nobody arrives by it any more. */
  releaseTargetSlot(
    place: RegionPool,
    sessionId: string,
    epoch: number,
    callerId: string,
  ): Promise<EndedSession | null>;

  /** Keeps what a host handed over until the next host takes it up, `CHECKPOINT_KEPT_MS` at the most. */
  putCheckpoint(place: RegionPool, sessionId: string, epoch: number, state: string): Promise<void>;
  takeCheckpoint(place: RegionPool, sessionId: string, epoch: number): Promise<string | null>;

  /** Notes which sessions may be moved. Only at that epoch, and on that host. */
  recordMovableChanges(place: RegionPool, notes: readonly MovableChange[]): Promise<void>;
  /**
   * Some of the place's sessions, about `count` of them, ended ones too; all that live through a whole pass are in it once
   * at least.
   *
   * @param cursor `null` to begin a pass, else `next` of the call before
   */
  scanSessions(place: RegionPool, cursor: string | null, count: number): Promise<SessionScan>;
  /** Who waits here, the head of the queue first. */
  listWaitingPlacements(place: RegionPool, limit: number): Promise<readonly QueuedPlacement[]>;

  /**
   * Leaves a broker a word about this place. It comes with its letters, in order; lost with them, too. False when too much
   * waits for it.
   */
  sendControlMessage(place: RegionPool, brokerId: string, body: string): Promise<boolean>;
}

/** How long a state that was handed over is kept: longer than any move takes. */
export const CHECKPOINT_KEPT_MS = 60_000;
