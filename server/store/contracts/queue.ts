import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { StoreMs } from '../../domain/store-time.js';
import type { EndedSession, SessionMeta, SessionRecord } from './session-record.js';

/** An entry that finds no free slot and waits in the queue of a region pool. */
export interface NewQueueEntry {
  /** The session that the entry becomes. */
  readonly sessionId: string;
  readonly epoch: number;
  /**
   * When it began to wait; `null` for now. Given when the entry joins the queue of a further
   * region pool, or joins a queue again.
   */
  readonly arrivedAtMs: StoreMs | null;
  /** The entry is served before all others that arrived up to this much earlier. */
  readonly headStartMs: number;
  /** Whether it missed an offer before, in any region pool. */
  readonly missed: boolean;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}

/**
 * - `waiting`: it waits in the queue, at its old position if it waited already.
 * - `existing`: this session lives already, perhaps as an offer that this very call made.
 * - `over`: this session ended already.
 * - `queue_full`: `maxLength` entries wait already.
 * - `closed`: operators closed the region pool.
 */
export type EnqueueOutcome =
  | { readonly kind: 'waiting'; readonly arrivedAtMs: StoreMs }
  | { readonly kind: 'existing'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'closed' };

/**
 * - `waiting`: in the queue with `ahead` entries before it. `clientBrokerId` is the broker that enqueued it last,
 *   `title` what its player wants to play, `missed` whether it missed an offer, here or in a region pool that
 *   reported so with `recordMissedOffers`.
 * - `session`: it became a session, perhaps one that ended.
 * - `unknown`: the store knows neither a waiting entry nor a session.
 */
export type QueueEntryStatus =
  | {
      readonly kind: 'waiting';
      readonly ahead: number;
      readonly arrivedAtMs: StoreMs;
      readonly clientBrokerId: string;
      readonly title: string;
      readonly missed: boolean;
    }
  | { readonly kind: 'session'; readonly session: SessionRecord }
  | { readonly kind: 'unknown' };

export interface QueueStatus {
  /** In the order of the given session ids. */
  readonly entries: readonly QueueEntryStatus[];
  /** How many entries wait. */
  readonly length: number;
  /** Slots that became free per millisecond, as a moving average; `null` before the first measurement. */
  readonly freedPerMs: number | null;
}

/** The acceptance of an offer. The session gets a new epoch. */
export interface OfferAcceptance {
  readonly sessionId: string;
  readonly fromEpoch: number;
  readonly toEpoch: number;
  readonly clientBrokerId: string;
}

/**
 * - `accepted`: the offer is a reservation now.
 * - `gone`: there is no offer for that epoch: it expired, or was withdrawn.
 */
export type AcceptOfferOutcome =
  | { readonly kind: 'accepted'; readonly session: SessionRecord; readonly hostConnectionId: string }
  | { readonly kind: 'gone' };

/** An order to take an entry out of a region pool. */
export interface Withdrawal {
  readonly sessionId: string;
  /**
   * A session of an older epoch that lives here ends with `superseded`. One that ended for one of `REVERSIBLE_REASONS`
   * gets this reason instead, so that its host can no longer keep it.
   */
  readonly belowEpoch: number;
}

/** A waiting entry as the rebalancer needs it. */
export interface QueuedEntry {
  readonly sessionId: string;
  readonly epoch: number;
  readonly arrivedAtMs: StoreMs;
  readonly meta: SessionMeta;
}

/** A part of a queue. */
export interface QueueScan {
  /** In no particular order; an entry may appear again in a later part. */
  readonly sessionIds: readonly string[];
  /** The cursor of the next call; `null` when the pass is complete. */
  readonly next: string | null;
}

/**
 * The queue of a region pool. Whenever a call, of any contract, frees a slot or makes a host ready, the same call
 * offers the slot to the head of the queue. Errors and lists: see `FleetStore`.
 *
 * An ended session that comes from an entry names no host: it never had one.
 */
export interface QueueStore {
  /**
   * Puts entries into the queue, which is in the order of arrival minus head start, then of session ids. An entry
   * that waits already keeps its position; its epoch, broker and meta are updated, unless it has a higher epoch.
   *
   * @param maxLength how many entries may wait
   */
  enqueue(
    regionPool: RegionPool,
    entries: readonly NewQueueEntry[],
    maxLength: number,
    callerId: string,
  ): Promise<readonly EnqueueOutcome[]>;
  /**
   * The status of entries, and how fast slots become free. The rate is measured between calls of this and of
   * `findDueSweeps`, so one of them has to run every few seconds.
   *
   * @param attended whether the players of these entries are connected, so that the entries do not expire
   */
  getQueueStatus(
    regionPool: RegionPool,
    sessionIds: readonly string[],
    attended: boolean,
  ): Promise<QueueStatus>;
  /**
   * Turns an offer into a reservation, under a new epoch. Repeating it is safe.
   *
   * @param ttlMs how long the reservation lasts
   */
  acceptOffer(regionPool: RegionPool, offer: OfferAcceptance, ttlMs: number): Promise<AcceptOfferOutcome>;
  /** Takes entries out of the queue, and withdraws their offers. Returns the sessions that ended. */
  withdrawEntries(
    regionPool: RegionPool,
    withdrawals: readonly Withdrawal[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /** Session ids of entries whose offers were not accepted in time, the oldest first. */
  findExpiredOffers(regionPool: RegionPool, limit: number): Promise<readonly string[]>;
  /**
   * Records for entries that wait here, or have an offer here, that they missed an offer in another region pool. The
   * caller records this in all other region pools before `expireOffers` in the offer's own: if the caller dies in between,
   * the offer is still there for the next sweep.
   */
  recordMissedOffers(regionPool: RegionPool, sessionIds: readonly string[]): Promise<void>;
  /**
   * Withdraws those of these entries' offers that were not accepted in time. An entry that missed no offer before
   * goes to the back of the queue. The session of any other ends with `reservation_expired`.
   */
  expireOffers(
    regionPool: RegionPool,
    sessionIds: readonly string[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /** Ends entries that were not attended for `graceMs`, with `reconnect_expired`. */
  expireUnattendedEntries(
    regionPool: RegionPool,
    graceMs: number,
    limit: number,
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /** The waiting entries, the head of the queue first. */
  listQueuedEntries(regionPool: RegionPool, limit: number): Promise<readonly QueuedEntry[]>;
  /**
   * The session ids of about `count` waiting entries. Every entry that waits through a whole pass is in it at least once. One
   * call costs O(`count`) at any length of the queue (O(log n + `count`) in memory), so that a pass never holds the store up.
   *
   * @param cursor `null` to begin a pass, else `next` of the call before
   */
  scanQueue(regionPool: RegionPool, cursor: string | null, count: number): Promise<QueueScan>;
}
