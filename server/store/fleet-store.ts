import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../domain/catalog.js';
import type { Closure } from '../domain/closure.js';
import type { HostState } from '../domain/host-state.js';
import type { SilentHost } from '../domain/host-silence.js';
import type { MoveStore } from './contracts/moves.js';
import type { DrainStore } from './contracts/drains.js';
import type { RegionOverviewStore, SweepStep, Utilisation } from './contracts/region-overview.js';
import type { EndedSession, Reservation, SessionMeta, SessionRecord } from './contracts/session-record.js';

export type { EndedSession, Reservation, SessionMeta, SessionRecord, SweepStep, Utilisation };

/** A host as its connection describes it. */
export interface HostRegistration {
  readonly hostId: string;
  /** `<brokerId>.<number>`: which connection speaks for the host. What an older one sends is refused. */
  readonly connectionId: string;
  readonly slots: number;
  /** Where clients connect for the stream. */
  readonly endpoint: string;
}

/** One heartbeat, reduced to what the store needs. */
export interface HostHeartbeat {
  readonly hostId: string;
  readonly connectionId: string;
  /** Worst load dimension, in millionths. */
  readonly measured: number;
  /** `digestOf` the sessions the host holds. */
  readonly digest: number;
}

/**
 * - `ok`: taken.
 * - `differs`: taken, but host and store disagree about the host's sessions: reconcile.
 * - `replaced`: refused, a newer connection speaks for the host.
 * - `unknown`: refused, the store does not know the host (any more): register it again.
 */
export type HeartbeatOutcome = 'ok' | 'differs' | 'replaced' | 'unknown';

/** A session as its host reports it. */
export interface ReportedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: HeldState;
}

/** What a comparison of a host's session list with the store led to. */
export interface Reconciliation {
  readonly outcome: 'ok' | 'replaced' | 'unknown';
  /** The store had them, the host does not, or they were unclaimed and had to make room: ended with `host_lost`. */
  readonly ended: readonly EndedSession[];
  /** The host has them and must not: it has to end them. */
  readonly rejected: readonly {
    readonly sessionId: string;
    readonly epoch: number;
    readonly reason: EndReason;
  }[];
  /** The host had them, the store did not (or had another state): now it has. */
  readonly adopted: readonly string[];
  /** The host has them, and a slot is held there for each of them to arrive: nothing was done about these. */
  readonly arriving: readonly string[];
}

/** A player's request, noted before its slot is reserved, so that repeating it is safe on any broker. */
export interface RequestEntry {
  readonly playerId: string;
  readonly requestId: string;
  /** The session that this request becomes. */
  readonly sessionId: string;
  /** Where it is tried first. */
  readonly place: RegionPool;
}

/** A request that was noted. */
export interface RequestRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly place: RegionPool;
  /** By the store's clock, since it was noted. */
  readonly ageMs: number;
}

/** The epoch of an attempt to move a request's session. */
export interface AllocatedEpoch {
  readonly epoch: number;
  /** What the request had when it was drawn. */
  readonly fromEpoch: number;
}

/** A request that its player made before another one. */
export interface PreviousRequestRecord extends RequestRecord {
  readonly requestId: string;
}

export type RecordRequestOutcome =
  /** `previous`: the newest other request of the player, if one is remembered. */
  | { readonly kind: 'new'; readonly previous?: PreviousRequestRecord }
  | { readonly kind: 'repeat'; readonly record: RequestRecord };

/**
 * - `reserved`: a slot is held on the host.
 * - `existing`: this session lives already; the call changed nothing.
 * - `over`: this session ended already; the call changed nothing.
 * - `full`: no ready host of the place has a free slot.
 * - `closed`: operators closed the place.
 */
export type ReserveOutcome =
  | { readonly kind: 'reserved'; readonly hostId: string; readonly hostConnectionId: string }
  | { readonly kind: 'existing'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'full' }
  | { readonly kind: 'closed' };

export interface ReserveResult {
  readonly outcomes: readonly ReserveOutcome[];
  readonly utilisation: Utilisation;
}

/** A placement that finds no free slot and waits in the queue of a place. */
export interface WaitingPlacement {
  /** The session that it becomes. */
  readonly sessionId: string;
  readonly epoch: number;
  /** When it began to wait, by the store's clock; `null`: now. Given when it joins a further queue, or comes back. */
  readonly arrivedAtMs: number | null;
  /** It is served before all that arrived up to so much earlier. */
  readonly headStartMs: number;
  /** Whether it let an offer pass before, in whatever place. */
  readonly missed: boolean;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}

/**
 * - `waiting`: it stands in the queue, where it stood before if it did.
 * - `existing`: this session lives already, perhaps as an offer made by this very call.
 * - `over`: this session ended already.
 * - `queue_full`: as many wait as may.
 * - `closed`: operators closed the place.
 */
export type EnqueueOutcome =
  | { readonly kind: 'waiting'; readonly arrivedAtMs: number }
  | { readonly kind: 'existing'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'queue_full' }
  | { readonly kind: 'closed' };

/**
 * Where a placement stands: in the queue, with so many before it; as a session; or nowhere. `clientBrokerId` is the
 * broker that put it there last, `title` what its player wants to play, `missed` whether it let an offer pass, here or
 * in a place that told of it.
 */
export type PlacementStatus =
  | {
      readonly kind: 'waiting';
      readonly ahead: number;
      readonly arrivedAtMs: number;
      readonly clientBrokerId: string;
      readonly title: string;
      readonly missed: boolean;
    }
  | { readonly kind: 'session'; readonly session: SessionRecord }
  | { readonly kind: 'unknown' };

export interface QueueStatus {
  /** In the order of the question. */
  readonly placements: readonly PlacementStatus[];
  /** How many wait. */
  readonly length: number;
  /** Slots that become free per millisecond, lately; `null` while nothing was measured. */
  readonly freedPerMs: number | null;
}

/**
 * - `accepted`: the offer is a reservation now.
 * - `gone`: there is no offer for that epoch: it ran out, or was withdrawn.
 */
export type AcceptOfferOutcome =
  | { readonly kind: 'accepted'; readonly session: SessionRecord; readonly hostConnectionId: string }
  | { readonly kind: 'gone' };

/** An order to take a placement out of a place. */
export interface Withdrawal {
  readonly sessionId: string;
  /**
   * Whatever lives here of an older epoch than this ends, with `superseded`; what ended before, so that its host may
   * bring it back, has ended for good.
   */
  readonly belowEpoch: number;
}

/** A host's report that one of its sessions changed state. */
export interface SessionStateChange {
  readonly sessionId: string;
  readonly epoch: number;
  readonly hostId: string;
  readonly to: HeldState;
}

/**
 * - `changed`: done, `session` is as it is now.
 * - `stale`: the session has another epoch or host by now.
 * - `unknown`: the store does not know it.
 * - `over`: it ended, for this reason.
 * - `bad_transition`: not allowed from its present state.
 */
export type StateChangeOutcome =
  | { readonly kind: 'changed'; readonly session: SessionRecord }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'stale' | 'unknown' | 'bad_transition' };

/** An order to end a session. Only the current epoch may. */
export interface EndSessionRequest {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
  /** When a host asks: only its own session may end. */
  readonly hostId?: string;
}

export type EndSessionOutcome =
  | ({ readonly kind: 'ended' } & EndedSession)
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'stale' | 'unknown' };

/** What one end of a session says to the other. */
export interface SessionMessage {
  readonly sessionId: string;
  /** The assignment that its writer knows of. */
  readonly epoch: number;
  /** The host that writes it; `null` when the session's client does. */
  readonly fromHostId: string | null;
  /** One line of text: JSON of the broker's own. */
  readonly body: string;
}

/** A letter that waited for the broker of the end it is for. */
export interface RelayedMessage {
  readonly sessionId: string;
  readonly epoch: number;
  /** The host it is for; `null` when it is for the session's client. */
  readonly toHostId: string | null;
  readonly body: string;
}

/** What waited for a broker: a letter that it passes on, or a word for itself, as `tell` left it. */
export type InboxMessage =
  ({ readonly kind: 'letter' } & RelayedMessage) | { readonly kind: 'word'; readonly body: string };

/**
 * - `local`: the other end is on the calling broker, which delivers the letter itself; `hostId` is the session's.
 * - `posted`: it waits for that broker.
 * - `away`: nobody knows of a connection of the other end.
 * - `overflow`: too much waits for that broker already; the letter is dropped.
 * - `stale`: the session has another epoch by now.
 * - `unknown`: the store does not know it, or not on the host that writes.
 * - `over`: it ended, for this reason.
 */
export type RelayOutcome =
  | { readonly kind: 'local'; readonly hostId: string }
  | { readonly kind: 'posted'; readonly brokerId: string }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'away' | 'overflow' | 'stale' | 'unknown' };

/** The silent hosts of a place by the store's clock. */
export interface SilentHostsReport {
  readonly hosts: number;
  readonly silent: readonly (SilentHost & { readonly beatAtMs: number })[];
}

/**
 * What to do with silent hosts. Each order counts only if the host has not beaten since `beatAtMs`, and
 * `lost` only for a host that an earlier order called `missing`.
 */
export interface SilentHostMark {
  readonly hostId: string;
  readonly beatAtMs: number;
  readonly order: 'suspect' | 'missing' | 'lost';
}

/** What a recount found wrong and repaired. */
export interface RecountResult {
  /** Where to go on; `null` when the pass is over. */
  readonly next: string | null;
  /** Hosts whose counter, digest or place in the order was not what their sessions say. */
  readonly repaired: readonly string[];
}

/** A host as operators see it. Loads are in millionths. */
export interface HostRecord {
  readonly hostId: string;
  readonly connectionId: string;
  readonly state: HostState;
  /** What operators said of this host; its place may be closed besides. */
  readonly closure: Closure;
  readonly slots: number;
  readonly committed: number;
  readonly measured: number;
  readonly ramping: number;
  readonly beatAtMs: number;
  readonly endpoint: string;
}

/**
 * Everything that two brokers could decide differently. One call is one atomic step in one place; a call
 * that takes a list gives exactly what single calls in that order would.
 *
 * All times are the store's own. Methods reject with `StoreUnavailableError` when the store cannot be
 * reached; whether the step happened is then unknown, and every step but `spend` is safe to repeat.
 */
export interface FleetStore extends DrainStore, MoveStore, RegionOverviewStore {
  readonly kind: 'memory' | 'redis';

  /** Makes the host known, in state `joining`. A newer registration replaces an older one; sessions stay. */
  registerHost(place: RegionPool, host: HostRegistration): Promise<void>;
  /**
   * Takes heartbeats. The first makes a host ready, a late one makes a suspect host ready again. A joining
   * host whose heartbeat `differs` stays joining until one agrees: its slots may be in use by sessions that
   * the store has lost.
   */
  recordHeartbeats(place: RegionPool, beats: readonly HostHeartbeat[]): Promise<readonly HeartbeatOutcome[]>;
  /**
   * Makes the store agree with what the host says it holds. Running sessions that the store has lost come
   * before reservations that nobody has claimed yet.
   */
  reconcileHost(
    place: RegionPool,
    host: { readonly hostId: string; readonly connectionId: string },
    sessions: readonly ReportedSession[],
  ): Promise<Reconciliation>;
  /** Removes a host that leaves in order; its sessions end with `host_ended`. Nothing when it was replaced. */
  removeHost(place: RegionPool, hostId: string, connectionId: string): Promise<readonly EndedSession[]>;

  /** Notes requests; the first of equal ones is `new`, the others get its record. */
  recordRequests(claims: readonly RequestEntry[]): Promise<readonly RecordRequestOutcome[]>;
  /**
   * Takes over a request, to give it another assignment: raises the epoch, if it is still `fromEpoch`, and notes the
   * place. Returns the new epoch, which is above every one that was drawn; or `null` when somebody else took the request
   * over first.
   */
  startAttempt(claim: RequestEntry, fromEpoch: number): Promise<number | null>;
  /**
   * Draws the epoch of an attempt to move the request's session: above `aboveEpoch`, the request's own, and every one that
   * was drawn before. Nothing else ever gets it, whatever becomes of the attempt. The request itself stays as it is.
   */
  allocateEpoch(claim: RequestEntry, aboveEpoch: number): Promise<AllocatedEpoch>;
  /**
   * An attempt succeeds: the request has the epoch that was drawn for it, and that place, if it still had the one that it
   * had then. False when somebody took the request over since, or another attempt succeeded.
   */
  commitEpoch(claim: RequestEntry, drawn: AllocatedEpoch): Promise<boolean>;
  /** Notes where a request was placed, when that is not where it was tried first. */
  setRequestPool(claim: RequestEntry): Promise<void>;
  /** Forgets a request that was refused, so that it may be tried again. */
  deleteRequest(playerId: string, requestId: string): Promise<void>;

  /**
   * Uses up a token that is good once. True the first time, on whatever broker; false within `ttlMs` of it.
   * The one step that cannot be repeated: after a failure the token may have been used up.
   *
   * @param ttlMs how long to remember it: longer than anybody would take the token
   */
  useToken(playerId: string, tokenId: string, ttlMs: number): Promise<boolean>;

  /**
   * Reserves the least-congested slots of the place, each by the state the previous one left.
   *
   * @param ttlMs how long a reservation lasts: the same for all of a place, for they expire in the order of their making
   */
  reserve(
    place: RegionPool,
    reservations: readonly Reservation[],
    ttlMs: number,
    callerId: string,
  ): Promise<ReserveResult>;
  /**
   * Puts placements into the place's queue: in the order of arrival minus head start, then of session ids. Whoever
   * waits already keeps the place; epoch and broker are noted anew. Whenever a slot of a place is free, by whatever
   * call, the same call offers it to the head of the queue; while somebody waits, `reserve` gives nothing.
   *
   * @param maxLength how many may wait
   */
  enqueue(
    place: RegionPool,
    placements: readonly WaitingPlacement[],
    maxLength: number,
    callerId: string,
  ): Promise<readonly EnqueueOutcome[]>;
  /**
   * Where placements stand, and how fast the place's slots become free. The rate is measured between calls, those of
   * `findDue` included: there has to be one every few seconds.
   *
   * @param attended whether the players of these placements are there: they keep their places
   */
  getQueueStatus(place: RegionPool, sessionIds: readonly string[], attended: boolean): Promise<QueueStatus>;
  /** Makes an offer a reservation, under a new epoch. Repeating it is safe. */
  acceptOffer(
    place: RegionPool,
    offer: {
      readonly sessionId: string;
      readonly fromEpoch: number;
      readonly toEpoch: number;
      readonly clientBrokerId: string;
    },
    ttlMs: number,
  ): Promise<AcceptOfferOutcome>;
  /** Takes placements out of the queue, and gives back what was offered to them. Returns sessions that ended. */
  withdrawPlacements(
    place: RegionPool,
    withdrawals: readonly Withdrawal[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /** Placements whose offers nobody accepted in time, the oldest first. */
  findExpiredOffers(place: RegionPool, limit: number): Promise<readonly string[]>;
  /**
   * Notes for placements that wait here, or were offered a slot, that they missed an offer in another place. An offer
   * is noted everywhere else before it is taken back in its own place: whoever dies in between leaves it to the next.
   */
  recordMissedOffers(place: RegionPool, sessionIds: readonly string[]): Promise<void>;
  /**
   * Takes back those of these placements' offers that nobody accepted in time: a placement that missed none before,
   * here or elsewhere, goes to the back of the queue; the session of the others ends with `reservation_expired`.
   * Returns what ended. Such records name no host: they never had one.
   */
  expireOffers(
    place: RegionPool,
    sessionIds: readonly string[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /**
   * Placements that nobody attended for `graceMs` end with `reconnect_expired`. Returns what ended. Such records name
   * no host: they never had one.
   */
  expireUnattendedPlacements(
    place: RegionPool,
    graceMs: number,
    limit: number,
    callerId: string,
  ): Promise<readonly EndedSession[]>;

  /** Notes what hosts say about their sessions. */
  updateSessionStates(
    place: RegionPool,
    changes: readonly SessionStateChange[],
    callerId: string,
  ): Promise<readonly StateChangeOutcome[]>;
  /** Ends sessions and frees their slots. */
  endSessions(
    place: RegionPool,
    releases: readonly EndSessionRequest[],
    callerId: string,
  ): Promise<readonly EndSessionOutcome[]>;
  /** Notes which broker the client of a session is on now. The one before finds it in its mail. */
  setClientBroker(
    place: RegionPool,
    sessionId: string,
    clientBrokerId: string,
  ): Promise<SessionRecord | null>;
  /**
   * Gives sessions that were adopted from their host's report, and of which the store knows no more than that, back
   * what it has lost: whose they are. Only at that epoch. Returns every session as it is then.
   */
  restoreSessions(
    place: RegionPool,
    sessions: readonly Reservation[],
  ): Promise<readonly (SessionRecord | null)[]>;
  /** The live sessions of a host, in the order of their ids. */
  listHostSessions(place: RegionPool, hostId: string): Promise<readonly SessionRecord[]>;
  getSessions(place: RegionPool, sessionIds: readonly string[]): Promise<readonly (SessionRecord | null)[]>;

  /**
   * Ends reservations that nobody claimed in time, arrivals that nobody came for, and sessions that were `disconnected`
   * for too long, the oldest first, `limit` of each.
   */
  expireSessions(place: RegionPool, limit: number, callerId: string): Promise<readonly EndedSession[]>;
  /** Drops the records of sessions that ended long enough ago. Returns how many. */
  deleteEndedSessions(place: RegionPool, limit: number): Promise<number>;
  /** Which hosts have been silent for longer than that. */
  findSilentHosts(place: RegionPool, silentForMs: number, limit: number): Promise<SilentHostsReport>;
  /** Carries out what was judged. Returns the sessions of hosts that were lost, ended with `host_lost`. */
  markSilentHosts(
    place: RegionPool,
    orders: readonly SilentHostMark[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /**
   * Recomputes the counters of some of the place's hosts from their sessions, a bounded piece of work a call.
   *
   * @param cursor `null` to begin a pass, else `next` of the call before
   */
  recountHosts(place: RegionPool, cursor: string | null): Promise<RecountResult>;

  /**
   * Closes one host, or the whole place, to new sessions, or opens it again. When this resolves nothing new is placed
   * there, whichever broker is asked. What was merely offered there is taken back: on a closed host it goes on waiting,
   * in a closed place nobody waits any more, and the brokers of those who did find it in their mail. A closed host
   * stays closed when it registers again.
   *
   * @param hostId `null` for the whole place
   * @param before nothing happens if it is something else at the moment
   */
  setClosure(place: RegionPool, hostId: string | null, closure: Closure, before?: Closure): Promise<void>;
  /**
   * What was said of one host, also of one that is not here, or of the place as a whole: each by itself.
   *
   * @param hostId `null` for the whole place
   */
  getClosure(place: RegionPool, hostId: string | null): Promise<Closure>;

  getUtilisation(place: RegionPool): Promise<Utilisation>;
  listHosts(place: RegionPool): Promise<readonly HostRecord[]>;
  /** Where clients reach these hosts; `null` for an unknown one. */
  getEndpoints(
    place: RegionPool,
    hostIds: readonly string[],
  ): Promise<readonly ({ readonly connectionId: string; readonly endpoint: string } | null)[]>;

  /**
   * Passes letters on to the other end of their sessions. Those of one session are delivered in the order in
   * which they were forwarded, and nobody but the session's host and client ever gets one.
   */
  relayMessages(
    place: RegionPool,
    letters: readonly SessionMessage[],
    callerId: string,
  ): Promise<readonly RelayOutcome[]>;
  /**
   * Takes the letters that wait in this place for this broker, in the order of their forwarding. Ask for them
   * before the mail: what they presuppose, such as a host's reservation, is then in that mail or in an earlier one.
   */
  takeMessages(place: RegionPool, brokerId: string): Promise<readonly InboxMessage[]>;

  /** Takes the sessions that changed in this place and concern this broker, with their records. */
  takeChangedSessions(place: RegionPool, brokerId: string): Promise<readonly SessionRecord[]>;
  /** Tells another broker to look at its mail now. Lost nudges cost a second. Offers are nudged by the store itself. */
  sendWakeUp(brokerId: string, place: RegionPool): void;
  /** Calls back for every nudge to this broker. */
  onWakeUp(brokerId: string, listener: (place: RegionPool) => void): Promise<void>;

  /** Takes or keeps a region's lease. Only the holder keeps it; it passes on when it runs out. */
  acquireLease(region: string, holder: string, ttlMs: number): Promise<boolean>;
  releaseLease(region: string, holder: string): Promise<void>;

  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The store cannot be reached, or did not answer in time. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** How long an ended session is remembered: a host that was away shorter than it takes to be lost learns of it. */
export const ENDED_KEPT_MS = 60_000;

/** How long mail, letters included, waits for a broker that does not fetch it. */
export const INBOX_KEPT_MS = 60_000;

/** How much may wait in one place for one broker that takes no letters: in bytes, as Redis keeps them. */
export const INBOX_MAX_BYTES = 262_144;

/** How long a request is remembered after it was made: longer than any session may last. */
export const REQUEST_KEPT_MS = 24 * 3_600_000;

/** How many requests of one player are remembered; older ones count as new again. */
export const REQUESTS_PER_PLAYER = 8;

/** Reasons after which a host that still holds the session may keep it, if it has the room. */
export const REVOCABLE_REASONS: readonly EndReason[] = ['reservation_expired', 'host_lost'];
