import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { Closure } from '../../domain/closure.js';
import type { Drain } from '../../domain/drain.js';
import type { HostFailureReason, HostFailures } from '../../domain/host-failures.js';
import type { HostState } from '../../domain/host-state.js';
import type { SilentHost } from '../../domain/host-silence.js';
import type { StoreMs } from '../../domain/store-time.js';
import type { EndedSession, SessionRecord } from './session-record.js';

/** A host as its connection describes it. */
export interface HostRegistration {
  readonly hostId: string;
  /** `<brokerId>.<number>`: the connection that speaks for the host. Messages of an older connection are refused. */
  readonly connectionId: string;
  readonly slots: number;
  /** Where clients connect for the stream. */
  readonly endpoint: string;
}

/** What the store knew of a host before it registered. */
export interface RegistrationOutcome {
  /** The host had another endpoint. */
  readonly endpointChanged: boolean;
  /** The host has more sessions and reservations than slots now. The caller has to reconcile when the host has reported. */
  readonly exceedsSlots: boolean;
}

/** One heartbeat, reduced to what the store needs. */
export interface HostHeartbeat {
  readonly hostId: string;
  readonly connectionId: string;
  /** Worst load dimension, in millionths. */
  readonly measured: number;
  /** `digestSessions` of the sessions that the host holds. */
  readonly digest: number;
}

/**
 * - `ok`: recorded.
 * - `differs`: recorded, but host and store disagree about the host's sessions. The caller has to reconcile.
 * - `replaced`: refused, a newer connection speaks for the host.
 * - `unknown`: refused, the store does not know the host (any more). The caller has to register it again.
 */
export type HeartbeatOutcome = 'ok' | 'differs' | 'replaced' | 'unknown';

/** A session as its host reports it. */
export interface ReportedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: HeldState;
}

/** The result of comparing a host's session list with the store. */
export interface Reconciliation {
  readonly outcome: 'ok' | 'replaced' | 'unknown';
  /** Ended with `host_lost`: the host does not have them, or they were unclaimed and their slots are gone or in use. */
  readonly ended: readonly EndedSession[];
  /** The host has these and has to end them. */
  readonly rejected: readonly {
    readonly sessionId: string;
    readonly epoch: number;
    readonly reason: EndReason;
  }[];
  /** The store took these over from the report: it did not know them, or knew them in another state. */
  readonly adopted: readonly SessionRecord[];
  /** Those of them that had ended. */
  readonly returned: readonly SessionRecord[];
  /** The host reports these and a target slot is reserved there for each: the store left them unchanged. */
  readonly arriving: readonly string[];
}

/** The silent hosts of a region pool, by the store's clock. */
export interface SilentHostsReport {
  /** How many hosts the region pool has. */
  readonly hosts: number;
  readonly silent: readonly (SilentHost & { readonly heartbeatAtMs: StoreMs })[];
}

/**
 * What to do with a silent host. It takes effect only if the host has sent no heartbeat since `heartbeatAtMs`, and
 * `lost` only for a host that an earlier call marked `missing`.
 */
export interface SilentHostMark {
  readonly hostId: string;
  readonly heartbeatAtMs: StoreMs;
  readonly order: 'suspect' | 'missing' | 'lost';
}

/** What a recount repaired. */
export interface RecountResult {
  /** The cursor of the next call; `null` when the pass is complete. */
  readonly next: string | null;
  /** Hosts whose counter, digest or position in the order of free hosts did not match their sessions. */
  readonly repaired: readonly string[];
}

/** A host as operators see it. Loads are in millionths. */
export interface HostRecord {
  readonly hostId: string;
  readonly connectionId: string;
  readonly state: HostState;
  /** The closures of this host alone; its region pool may be closed as well. */
  readonly closures: readonly Closure[];
  /** Its failures since a client last claimed a session there; `null` when there are none. */
  readonly failures: HostFailures | null;
  readonly slots: number;
  readonly committed: number;
  readonly measured: number;
  readonly ramping: number;
  readonly heartbeatAtMs: StoreMs;
  readonly endpoint: string;
}

/** A session that was reserved on a host, and that the host failed before any client claimed it. */
export interface FailedReservation {
  readonly hostId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: HostFailureReason;
}

/**
 * - `failed`: the session ended with `host_lost`. `failures` are those of the host now; `null` when this one was counted already.
 * - `not_reserved`: the host has no such reservation. Nothing changed.
 */
export type FailReservationOutcome =
  | { readonly kind: 'failed'; readonly ended: EndedSession; readonly failures: HostFailures | null }
  | { readonly kind: 'not_reserved' };

/** Sessions and slots of a region pool. Slots count on ready, open hosts only. */
export interface Utilisation {
  readonly sessions: number;
  readonly slots: number;
}

/** The state of one region pool in numbers. */
export interface PoolOverview {
  readonly utilisation: Utilisation;
  readonly hosts: number;
  /** How many entries wait in the queue. */
  readonly waiting: number;
  /** Whether messages or changed sessions wait here for the calling broker. */
  readonly hasInboxItems: boolean;
}

/** The state of one region. */
export interface RegionOverview {
  /** As `listDrains` returns them. */
  readonly drains: readonly Drain[];
  /** In the order of the given pools. */
  readonly regionPools: readonly PoolOverview[];
}

/** Hosts and their closures. Errors and lists: see `FleetStore`. */
export interface HostStore {
  /**
   * Makes the host known, in state `joining`. A newer registration replaces an older one; the host's sessions stay.
   */
  registerHost(regionPool: RegionPool, host: HostRegistration): Promise<RegistrationOutcome>;
  /**
   * Records heartbeats. The first one makes a host ready, a late one makes a suspect host ready again. A joining host
   * whose heartbeat `differs` stays joining until one agrees: sessions that the store has lost may use its slots.
   */
  recordHeartbeats(
    regionPool: RegionPool,
    heartbeats: readonly HostHeartbeat[],
  ): Promise<readonly HeartbeatOutcome[]>;
  /**
   * Makes the store agree with the list of sessions that the host reports. Running sessions that the store has lost take
   * precedence over reservations that no client has claimed yet; so does a number of slots that is lower than before. A joining
   * host becomes ready, unless it has to end sessions first: so its lost sessions may be placed on it again.
   */
  reconcileHost(
    regionPool: RegionPool,
    host: { readonly hostId: string; readonly connectionId: string },
    sessions: readonly ReportedSession[],
  ): Promise<Reconciliation>;
  /**
   * Removes a host that leaves the fleet. Its sessions end with `host_ended`, its reservations with `host_lost`, so that
   * their players get other hosts. Changes nothing when another connection speaks for the host.
   */
  removeHost(regionPool: RegionPool, hostId: string, connectionId: string): Promise<readonly EndedSession[]>;

  /** The hosts that sent no heartbeat for longer than `silentForMs`, the longest silent first. */
  findSilentHosts(regionPool: RegionPool, silentForMs: number, limit: number): Promise<SilentHostsReport>;
  /** Carries out the marks. Returns the sessions of lost hosts, ended with `host_lost`. */
  markSilentHosts(
    regionPool: RegionPool,
    marks: readonly SilentHostMark[],
    callerId: string,
  ): Promise<readonly EndedSession[]>;
  /**
   * Recomputes the counters of some hosts from their sessions. One call does a bounded amount of work. The first call of a pass
   * also forgets old failures.
   *
   * @param cursor `null` to begin a pass, else `next` of the call before
   */
  recountHosts(regionPool: RegionPool, cursor: string | null): Promise<RecountResult>;

  /**
   * Closes one host, or the whole region pool, to new sessions, beside the closures that it has. When this resolves, no broker
   * places anything new there. Offers there are withdrawn, except those on a host that is only `hot`: on a closed host their
   * entries go on waiting; a closed region pool empties its queue, and the brokers of the entries find the change in
   * their inboxes. A closed host stays closed when it registers again.
   *
   * @param hostId `null` for the whole region pool
   */
  addClosure(regionPool: RegionPool, hostId: string | null, closure: Closure): Promise<void>;
  /** Removes one closure. The host or region pool is open again when it has no other. */
  removeClosure(regionPool: RegionPool, hostId: string | null, closure: Closure): Promise<void>;
  /**
   * The closures of one host, registered or not, or those of the region pool: each without regard to the other. In the order
   * of `CLOSURES`.
   *
   * @param hostId `null` for the whole region pool
   */
  getClosures(regionPool: RegionPool, hostId: string | null): Promise<readonly Closure[]>;

  /**
   * Ends a session that its host failed, and excludes the host for a while: it gets the closure `failing`, and offers there
   * are withdrawn. The first heartbeat after that time opens the host again; until a client has claimed a session there, it gets
   * one session at a time as a trial, and is excluded again meanwhile. `domain/host-failures.ts` has the rules.
   */
  failReservation(
    regionPool: RegionPool,
    reservation: FailedReservation,
    callerId: string,
  ): Promise<FailReservationOutcome>;

  /**
   * Excludes a host for a while, as `failReservation` does, for a session that has ended already.
   *
   * @param reservedAtMs when the session was reserved
   * @returns the failures of the host now; `null` when this one was counted already
   */
  recordHostFailure(
    regionPool: RegionPool,
    hostId: string,
    reason: HostFailureReason,
    reservedAtMs: StoreMs,
  ): Promise<HostFailures | null>;

  /** All hosts of the region pool, in the order of their ids. */
  listHosts(regionPool: RegionPool): Promise<readonly HostRecord[]>;
  /** Where clients reach these hosts; `null` for an unknown host. */
  getEndpoints(
    regionPool: RegionPool,
    hostIds: readonly string[],
  ): Promise<readonly ({ readonly connectionId: string; readonly endpoint: string } | null)[]>;
  /**
   * The drains of a region and the numbers of its region pools with these pool names. Changes nothing. One call a region,
   * because every broker makes it all the time and it nearly always finds nothing new.
   */
  getRegionOverview(region: string, pools: readonly string[], brokerId: string): Promise<RegionOverview>;
}
