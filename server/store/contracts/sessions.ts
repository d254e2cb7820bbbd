import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { Utilisation } from './hosts.js';
import type { EndedSession, Reservation, SessionRecord } from './session-record.js';

/**
 * - `reserved`: a slot of the host is reserved.
 * - `existing`: this session lives already; the call changed nothing.
 * - `over`: this session ended already; the call changed nothing.
 * - `full`: no ready host of the region pool has a free slot, or entries wait in its queue.
 * - `closed`: operators closed the region pool.
 */
export type ReserveOutcome =
  | { readonly kind: 'reserved'; readonly hostId: string; readonly hostConnectionId: string }
  | { readonly kind: 'existing'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'full' }
  | { readonly kind: 'closed' };

export interface ReserveResult {
  readonly outcomes: readonly ReserveOutcome[];
  /** After the last reservation. */
  readonly utilisation: Utilisation;
}

/** A host's report that one of its sessions changed state. */
export interface SessionStateChange {
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly to: HeldState;
}

/**
 * - `changed`: recorded, `session` is as it is now.
 * - `stale`: the session has another epoch or host by now.
 * - `unknown`: the store does not know the session.
 * - `over`: the session ended, for this reason.
 * - `bad_transition`: not allowed from the session's present state.
 */
export type StateChangeOutcome =
  | { readonly kind: 'changed'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'stale' | 'unknown' | 'bad_transition' };

/** An order to end a session. It takes effect only at the session's current epoch. */
export interface EndSessionRequest {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
  /** Given when a host asks: the session ends only if it is on this host. */
  readonly hostId?: string;
}

/** The end of a session that the store may have lost. */
export interface RecordedEnd {
  readonly sessionId: string;
  readonly epoch: number;
  /** The host that had the session. */
  readonly hostId: string;
  readonly reason: EndReason;
}

/**
 * - `ended`: this call ended the session.
 * - `over`: the session ended before, for this reason.
 * - `stale`: the session has another epoch or host by now, or is only an offer.
 * - `unknown`: the store does not know the session.
 */
export type EndSessionOutcome =
  | ({ readonly kind: 'ended' } & EndedSession)
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'stale' | 'unknown' };

/** A part of a region pool's sessions. */
export interface SessionScan {
  readonly sessions: readonly SessionRecord[];
  /** The cursor of the next call; `null` when the pass is complete. */
  readonly next: string | null;
}

/** The connection of a session's player that gets the session. */
export interface NewOwner {
  readonly clientBrokerId: string;
  /** The session's `seq` when this connection got it, if it still has the session; nothing changes if this is the latest one. */
  readonly heldSeq: number | null;
  /** Gives the session only if this is its `seq` still, so that one of several callers that read the same succeeds. */
  readonly fromSeq?: number | undefined;
  /** Whether it ends when its host is lost (`SessionMeta.endsWithHost`), according to the request that has it now. */
  readonly endsWithHost?: boolean | undefined;
}

/** Sessions and their slots. Errors and lists: see `FleetStore`. */
export interface SessionStore {
  /**
   * Reserves slots on the least congested hosts of the region pool, each sees the effect of the one before. While an
   * entry waits in the queue, every outcome is `full`, except for lost sessions.
   *
   * A lost session is one that ended with `host_lost` here, was not refused by its host, belongs to a client that a broker has, and
   * may have another host according to its `meta`. For `LOST_FIRST_MS`, or until the first attempt to reserve a slot for it, as many
   * slots as there are lost sessions stay free for them: neither the queue nor new sessions nor moves get them.
   *
   * @param ttlMs how long a reservation lasts: the same in all calls for a region pool, because reservations expire in the
   *   order in which they were made
   */
  reserve(
    regionPool: RegionPool,
    reservations: readonly Reservation[],
    ttlMs: number,
    callerId: string,
  ): Promise<ReserveResult>;
  /** Records state changes that hosts reported. */
  updateSessionStates(
    regionPool: RegionPool,
    changes: readonly SessionStateChange[],
    callerId: string,
  ): Promise<readonly StateChangeOutcome[]>;
  /** Ends sessions and frees their slots. */
  endSessions(
    regionPool: RegionPool,
    requests: readonly EndSessionRequest[],
    callerId: string,
  ): Promise<readonly EndSessionOutcome[]>;
  /**
   * Ends sessions, also those that the store does not know because it lost its data: their ends are recorded, so that a host
   * that still has such a session gets `end`. A session with a higher epoch stays. Repeating it is safe.
   *
   * @returns the sessions that this call ended or recorded
   */
  recordEnds(
    regionPool: RegionPool,
    ends: readonly RecordedEnd[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /**
   * Records which broker the client of a session is connected to. The broker before finds the change in its inbox.
   *
   * @returns the session as it is then; `null` when the store does not know it
   */
  setClientBroker(
    regionPool: RegionPool,
    sessionId: string,
    clientBrokerId: string,
  ): Promise<SessionRecord | null>;
  /**
   * Gives a session to a connection of its player: as `setClientBroker`, and `seq` rises to at least the store's time in
   * milliseconds. So it also rises after the store has lost the number before. Of a session whose end its host may reverse, only the
   * broker changes: it is told if the host brings the session back. One that has ended for good does not change.
   *
   * @returns the session as it is then; `null` when the store does not know it, or it has another `seq` than `owner.fromSeq`
   */
  giveSession(regionPool: RegionPool, sessionId: string, owner: NewOwner): Promise<SessionRecord | null>;
  /**
   * Restores what the store has lost about sessions that it adopted from a host's report: client broker and meta. Takes
   * effect only at the given epoch. Returns every session as it is then.
   */
  restoreSessions(
    regionPool: RegionPool,
    sessions: readonly Reservation[],
  ): Promise<readonly (SessionRecord | null)[]>;

  /** The live sessions of a host, in the order of their ids. */
  listHostSessions(regionPool: RegionPool, hostId: string): Promise<readonly SessionRecord[]>;
  /** Sessions by id, ended ones too; `null` for an unknown session. */
  getSessions(
    regionPool: RegionPool,
    sessionIds: readonly string[],
  ): Promise<readonly (SessionRecord | null)[]>;
  /**
   * About `count` sessions of the region pool, ended ones too. Every session that lives through a whole pass is in it at
   * least once.
   *
   * @param cursor `null` to begin a pass, else `next` of the call before
   */
  scanSessions(regionPool: RegionPool, cursor: string | null, count: number): Promise<SessionScan>;

  /**
   * Ends reservations that no client claimed in time (`reservation_expired`), target slots to which no session moved in
   * time (`move_failed`), and sessions that were `disconnected` for too long (`reconnect_expired`): the oldest first, up to
   * `limit` of each.
   */
  expireSessions(regionPool: RegionPool, limit: number, callerId: string): Promise<readonly EndedSession[]>;
  /** Deletes the records of sessions that ended more than `ENDED_KEPT_MS` ago. Returns how many. */
  deleteEndedSessions(regionPool: RegionPool, limit: number): Promise<number>;
}

/**
 * How long the store keeps a free slot for a session that has just lost its host. The broker of its client learns of the loss by a
 * wake-up, or by its next poll, which it makes once a second; then it makes two calls to the store. A broker that has died makes none, so
 * this is also how long its lost sessions delay the queue.
 */
export const LOST_FIRST_MS = 2_000;

/** For so many lost sessions of a region pool at a time. It bounds the work of a call. More than the slots of any host. */
export const MAX_LOST_FIRST = 1_000;

/** How long an ended session is remembered: a host that was disconnected for less than `lostAfterMs` still learns of the end. */
export const ENDED_KEPT_MS = 60_000;
