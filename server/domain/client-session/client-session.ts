import type { EndReason, SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../catalog.js';
import type { StoreMs } from '../store-time.js';

/** What the client's request says about its session. */
export interface SessionTerms {
  readonly requestId: string;
  /** `end`: the session is not placed again when its host is lost. */
  readonly onHostLost?: 'replace' | 'end' | undefined;
  /** `false`: the request does not wait for a slot. */
  readonly wait?: boolean | undefined;
  /** The client supports `moving`. */
  readonly canMove?: boolean | undefined;
}

/** The host that has a session, from one epoch to the next, as the client was sent it. Brokers add what `matched` needs. */
export interface Assignment {
  readonly regionPool: RegionPool;
  readonly hostId: string;
  readonly epoch: number;
  readonly request: SessionTerms;
  /** When the reservation expires, by the monotonic clock. */
  readonly reservedUntilMs: number;
}

/** What a broker chooses for the machine: the machine only passes these values on. */
export interface BrokerTypes {
  readonly assignment: Assignment;
  /** A `matched` or `moving` message. */
  readonly message: unknown;
  /** A client's `end` or `cancel`, each of which is answered once. */
  readonly order: unknown;
}

/** A state of the session that its store or host reported. */
export interface SessionChange {
  readonly regionPool: RegionPool;
  readonly epoch: number;
  readonly state: SessionState;
  /** Set when `state` is `ended`. */
  readonly reason: EndReason | null;
  /** Empty if no host had the session. */
  readonly hostId: string;
  /** `null` if unknown. */
  readonly reservedAtMs: StoreMs | null;
  /** The broker of the session's client: this one, another one, or none that the store knows. */
  readonly owner: 'this' | 'unknown' | 'other';
  /** A move has brought the session to its host. */
  readonly hasMoved: boolean;
}

/** A move whose `moving` message was sent to the client. */
export interface ClientMove<T extends BrokerTypes> {
  /** The session on the target host. */
  readonly assignment: T['assignment'];
  /** The broker that carries out the move. */
  readonly coordinatorBrokerId: string;
  /** When the client has reached the target host at the latest, by the monotonic clock. */
  readonly untilMs: number;
  /** When the move has completed or failed at the latest, by the monotonic clock. */
  readonly overAtMs: number;
}

/** A session as its client knows it. */
export interface Held<T extends BrokerTypes> {
  readonly assignment: T['assignment'];
  /** The epoch and the state that the client was sent last. The epoch may be above that of the assignment. */
  readonly epoch: number;
  readonly state: Exclude<SessionState, 'ended'>;
  /** Consecutive checks in which the store did not know the session. */
  readonly missedChecks: number;
}

/**
 * Where a session is searched that left the host its client knows: on the host that the store named (`reported`), on the target host
 * of the client's move (`target`), or by the record of its request (`request`), which a move assigns to the new host.
 */
export type Search = 'reported' | 'target' | 'request';

/**
 * The phase of a session. Each phase has the fields that only it needs.
 *
 * - `unmatched`: no client of this broker was sent the session yet, or the broker has forgotten that.
 * - `reserved`: the client was sent `matched`, and no host has admitted it.
 * - `claimed`: the host has admitted the client.
 * - `changing_hosts`: the client was sent `moving`.
 * - `locating`: the session left the host that the client knows, and the broker searches its new host.
 * - `resumed_elsewhere`: the session continues on another broker, and this broker reads which request has it.
 * - `ending`: the client has ended the session, and the store has not answered yet.
 * - `replacing`: the session lost its host and is being placed again, by a play request.
 * - `lapsed`: the client was sent an end that the host may reverse, if it holds the session after all.
 * - `returning`: the host does so, and the store is asked whether the session is still the player's.
 * - `away`: the client has disconnected.
 * - `over`: the session ended, or belongs to another connection.
 */
export type Phase<T extends BrokerTypes> =
  /** `earlyEnd`: the session ended before the client was sent `matched`. */
  | { readonly name: 'unmatched'; readonly earlyEnd: SessionChange | null }
  | { readonly name: 'reserved'; readonly held: Held<T> }
  | { readonly name: 'claimed'; readonly held: Held<T> }
  | { readonly name: 'changing_hosts'; readonly held: Held<T>; readonly move: ClientMove<T> }
  | {
      readonly name: 'locating';
      readonly held: Held<T>;
      /** `null` if there is none, or it has failed. */
      readonly move: ClientMove<T> | null;
      /** The change with which the session left its host. */
      readonly left: SessionChange;
      readonly search: Search;
      readonly call: number;
    }
  | { readonly name: 'resumed_elsewhere'; readonly held: Held<T>; readonly call: number }
  | {
      readonly name: 'ending';
      readonly held: Held<T>;
      readonly orders: readonly T['order'][];
      readonly call: number;
    }
  | {
      readonly name: 'replacing';
      /** As it was before the host was lost. */
      readonly held: Held<T>;
      /** What became of the session on the lost host meanwhile: the host may have come back with it. `null` if nothing is known. */
      readonly onLostHost: SessionChange | null;
      /** The client has disconnected. */
      readonly isAway: boolean;
    }
  | { readonly name: 'lapsed'; readonly held: Held<T> }
  | { readonly name: 'returning'; readonly held: Held<T>; readonly call: number }
  | { readonly name: 'away'; readonly held: Held<T> }
  | { readonly name: 'over' };

export type PhaseName = Phase<BrokerTypes>['name'];

/** The phase with this name, or one of the phases with these names. */
export type PhaseNamed<T extends BrokerTypes, Name extends Phase<T>['name']> = Extract<
  Phase<T>,
  { readonly name: Name }
>;

/** A session on the broker to which its client is connected. */
export interface ClientSession<T extends BrokerTypes> {
  readonly phase: Phase<T>;
  /** The hosts that were lost, or refused the session, before the client claimed it there. */
  readonly failedHosts: readonly string[];
  /** Number of the last call. The answer to an earlier one, if that call is not awaited any more, changes nothing. */
  readonly calls: number;
  /** Rises with each change of the session. What was read before the last change is out of date. */
  readonly revision: number;
}

const NO_HOSTS: readonly string[] = [];

/** A session of which no client was sent anything. */
export function newClientSession<T extends BrokerTypes>(): ClientSession<T> {
  return { phase: { name: 'unmatched', earlyEnd: null }, failedHosts: NO_HOSTS, calls: 0, revision: 0 };
}

/** A phase in which a connected client has the session. */
export type LinkedPhase<T extends BrokerTypes> = PhaseNamed<
  T,
  'reserved' | 'claimed' | 'changing_hosts' | 'locating' | 'resumed_elsewhere' | 'ending'
>;

export function isLinked<T extends BrokerTypes>(phase: Phase<T>): phase is LinkedPhase<T> {
  switch (phase.name) {
    case 'reserved':
    case 'claimed':
    case 'changing_hosts':
    case 'locating':
    case 'resumed_elsewhere':
    case 'ending':
      return true;
    case 'unmatched':
    case 'replacing':
    case 'lapsed':
    case 'returning':
    case 'away':
    case 'over':
      return false;
  }
}

/** The move of which the client was told and that is not over. */
export function pendingMoveOf<T extends BrokerTypes>({ phase }: ClientSession<T>): ClientMove<T> | null {
  return phase.name === 'changing_hosts' || phase.name === 'locating' ? phase.move : null;
}
