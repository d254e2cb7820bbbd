import type { RegionPool } from '../../catalog.js';
import type { HostState } from '../../host-state.js';
import type { StoreMs } from '../../store-time.js';

/**
 * The fleet as one read of the store showed it, and the only input of a plan besides its limits.
 */
export interface FleetSnapshot {
  readonly nowMs: StoreMs;
  readonly hosts: readonly HostSnapshot[];
  readonly sessions: readonly SessionSnapshot[];
  /** Players who wait for a slot, in the order of the queue. */
  readonly waiting: readonly WaitingPlayer[];
  /** The store was unreachable or lost data lately: sessions that are missing here may still be running. */
  readonly storeIsRecovering: boolean;
}

/**
 * Whether a host is hot. A hot host gets no new sessions.
 *
 * - `hot`: the round has judged it so. It belongs to the region of the round, which relieves it.
 * - `excluded`: the rounds of another region have judged it so. They relieve it, this one does not.
 */
export type Heat = 'cool' | 'hot' | 'excluded';

/** Congestion and load are shares of the host: 0 is idle, 1 is full, more than 1 is demand beyond its hardware. */
export interface HostSnapshot {
  readonly hostId: string;
  readonly regionPool: RegionPool;
  readonly slots: number;
  /** Slots that are reserved or in use. */
  readonly committed: number;
  /** The greater of `committed / slots` and `load`. Hosts are chosen by it, the least congested first. */
  readonly congestion: number;
  /** The load that the host measured. Only this makes it hot, and decides how many sessions it gives away. */
  readonly measuredLoad: number;
  /** The measured load plus the expected load of sessions that have just started: what a target host has to expect. */
  readonly load: number;
  readonly heat: Heat;
  readonly state: HostState;
  /** Whether operators have closed neither the host nor its region pool. */
  readonly open: boolean;
  /** Whether moves from or to it failed lately (`quarantine.ts`). */
  readonly quarantined: boolean;
  /** Sessions that are moving away. They hold their slots here until their moves end. */
  readonly outgoingMoves: number;
  /** Sessions that are moving here. Their slots are part of `committed`. */
  readonly incomingMoves: number;
  /** Slots that outgoing moves will free for players: not those that the next move of a chain takes. */
  readonly slotsBeingFreed: number;
}

/**
 * Whether a session can be moved.
 *
 * - `unclaimed`: no client has claimed it yet, so that a move interrupts no player.
 * - `movable`: host, title and client support a live move.
 * - `fixed`: they do not, or the session is moving already.
 */
export const MOVABILITIES = ['unclaimed', 'movable', 'fixed'] as const;
export type Movability = (typeof MOVABILITIES)[number];

/** A region pool that may serve a player, and the player's round-trip time to its region, in milliseconds. */
export interface RegionPoolOption {
  readonly regionPool: RegionPool;
  readonly rttMs: number;
}

export interface SessionSnapshot {
  readonly sessionId: string;
  readonly hostId: string;
  readonly regionPool: RegionPool;
  readonly kind: Movability;
  /** Every region pool that latency policy, device and pool allow, the present one included. Empty for `fixed`. */
  readonly options: readonly RegionPoolOption[];
  /** Time of its last move; `null` if it was never moved. */
  readonly movedAtMs: StoreMs | null;
}

/** A player who waits for a slot, by the id that the session will have. */
export interface WaitingPlayer {
  readonly sessionId: string;
  readonly options: readonly RegionPoolOption[];
}
