import type { RegionPool } from '../../catalog.js';
import type { HostState } from '../../host-state.js';

/** The fleet as one look showed it: all that a plan of moves is made from. Times are the store's, in ms since 1970. */
export interface FleetSnapshot {
  readonly nowMs: number;
  readonly hosts: readonly HostSnapshot[];
  readonly sessions: readonly SessionSnapshot[];
  /** Who waits for a slot, in the order of the queue. */
  readonly waiting: readonly WaitingPlayer[];
  /** The store was away lately: what it does not know may live all the same. */
  readonly storeIsRecovering: boolean;
}

/** Congestion and load are shares of the host: 0 idle, 1 full, more when it measures more than it has. */
export interface HostSnapshot {
  readonly hostId: string;
  readonly place: RegionPool;
  readonly slots: number;
  /** Slots reserved or used. */
  readonly committed: number;
  /** The greater of committed slots and `load`: by this figure hosts are chosen. */
  readonly congestion: number;
  /**
   * What the tracker of hot hosts is fed with: measured load, and what still ramps up. Without the slots that are merely
   * taken: a host whose slots are all taken and that copes with them is full, not hot.
   */
  readonly load: number;
  /** By the tracker: too hot for too long, and not cool again yet. */
  readonly hot: boolean;
  /** Whether the store knows already that it gets no new sessions while it is hot. */
  readonly excluded: boolean;
  readonly state: HostState;
  /** Operators closed neither it nor its place. */
  readonly open: boolean;
  /** Moves from or to it failed lately. */
  readonly quarantined: boolean;
  /** Sessions that are being moved away and still have their slots here. */
  readonly outgoingMoves: number;
  /** Sessions that are being moved here; their slots count as committed. */
  readonly incomingMoves: number;
}

/**
 * How movable a session is. `unclaimed`: nobody streams yet, so that a move costs nothing. `movable`: host, game and
 * client can move it while it is played. `fixed`: they cannot, or it is on the move already.
 */
export const MOVABILITIES = ['unclaimed', 'movable', 'fixed'] as const;
export type Movability = (typeof MOVABILITIES)[number];

/** A place where a player may be served, and the RTT from there. */
export interface RegionPoolOption {
  readonly place: RegionPool;
  readonly rttMs: number;
}

export interface SessionSnapshot {
  readonly sessionId: string;
  readonly hostId: string;
  readonly place: RegionPool;
  readonly kind: Movability;
  /** Every place that latency policy, device and pool allow, the present one included. */
  readonly options: readonly RegionPoolOption[];
  /** When it was last moved; `null`: never. */
  readonly movedAtMs: number | null;
}

/** A player who waits for a slot, known by the session that it will be. */
export interface WaitingPlayer {
  readonly sessionId: string;
  readonly options: readonly RegionPoolOption[];
}
