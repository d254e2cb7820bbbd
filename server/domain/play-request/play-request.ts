import type { StoreMs } from '../store-time.js';
import type { OnConflict } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../catalog.js';
import type { Candidate } from '../ranking.js';
import type { RefusalCode } from './refusal-codes.js';

/** A slot that the store holds for a request. Brokers add what `matched` needs. */
export interface Placed {
  readonly regionPool: RegionPool;
  readonly sessionId: string;
  readonly epoch: number;
}

/** A request as the store remembers it. */
export interface RememberedRequest {
  readonly requestId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly regionPool: RegionPool;
  /** Age of its latest attempt when the store was asked. */
  readonly ageMs: number;
  /** `over`: it was cancelled or has ended. `replaced`: another request of the player took its place, and no broker can continue it. */
  readonly state: 'live' | 'over' | 'replaced';
}

/** A slot that the store offers to a waiting request. */
export interface Offer {
  readonly regionPool: RegionPool;
  readonly epoch: number;
  /** By the store's clock. Only compared with other stamps of the store: it distinguishes two offers of one region pool. */
  readonly madeAtMs: StoreMs;
  /** When this broker received the offer, by its monotonic clock: queries sent earlier do not know it. */
  readonly receivedAtMs: number;
  /** When the offer expires, by the broker's monotonic clock. */
  readonly expiresAtMs: number;
}

/** What the client requested, and the region pools that can serve it. */
export interface RequestTerms {
  readonly requestId: string;
  readonly onConflict: OnConflict;
  /** Whether every offer is accepted at once, so that the client is not asked. */
  readonly autoAccept: boolean;
  /** The region pools that may serve the request, the best first. Empty only if `unservable`. */
  readonly candidates: readonly Candidate[];
  /** Why no region pool can serve the request now; `null` if some can. A repeated request may have a session all the same. */
  readonly unservable: RefusalCode | null;
}

/** The slot that is reserved while the request is being recorded. Nearly every request is new, so this saves a round trip. */
export type AheadSlot<P extends Placed> =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'full' }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
  | { readonly kind: 'placed'; readonly placed: P };

/** What the store answers when a request is recorded that is not new. */
export type RecordOutcome =
  | { readonly kind: 'repeat'; readonly record: RememberedRequest }
  /** `sessionId`: a new id for the request, because the slot that was reserved ahead under the first id is released. */
  | { readonly kind: 'live'; readonly other: RememberedRequest; readonly sessionId: string };

/** What a request that waits in queues has asked the store, besides its regular polls. */
export type QueueTask = 'none' | 'join' | 'verify' | 'requeue';

/** The answer to a request. Its client gets exactly one. */
export type Answer<P extends Placed> =
  | { readonly kind: 'matched'; readonly placed: P }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly sessionId?: string }
  /** Another request or connection of the player continues it: nothing is withdrawn. */
  | { readonly kind: 'replaced' };

/** What to do when no candidate has a slot: wait in queues, refuse the request, or end the session that lost its host. */
export type WhenFull = 'wait' | 'refuse' | 'end';

/**
 * The phase of a request. Each phase has the fields that only it needs.
 *
 * - `recording`: the store records the request as the player's live one.
 * - `locating`: the store knows the request; the broker finds out what became of it.
 * - `inspecting`: the player has another live request; the broker checks whether that one is still live.
 * - `replacing`, `resuming`: this request replaces the other one, or continues its session.
 * - `starting`: a new attempt of a remembered request raises its epoch.
 * - `placing`: the store tries to reserve a slot, in one candidate after the other.
 * - `describing`: the slot is reserved; the broker reads the host's endpoint.
 * - `waiting`, `offered`, `confirming`: the request is in queues: without an offer, with an offer, with an accepted offer.
 * - `leaving`: the answer is decided; the broker removes the request's slot and queue positions from the store.
 * - `closed`: answered. Slots and queue positions that late results bring are given up.
 */
export type Phase<P extends Placed> =
  | {
      readonly name: 'recording';
      readonly ahead: AheadSlot<P>;
      /** The store's answer to `record`, until the answer about the slot ahead arrives: that slot has to be released first. */
      readonly recorded: RecordOutcome | null;
    }
  | { readonly name: 'locating' }
  | { readonly name: 'inspecting'; readonly other: RememberedRequest }
  | { readonly name: 'replacing'; readonly other: RememberedRequest }
  | { readonly name: 'resuming'; readonly other: RememberedRequest }
  | { readonly name: 'starting' }
  /** `index`: position of the candidate that is tried. */
  | { readonly name: 'placing'; readonly index: number }
  | { readonly name: 'describing'; readonly placed: P }
  | { readonly name: 'waiting'; readonly task: QueueTask }
  | { readonly name: 'offered'; readonly task: QueueTask; readonly offer: Offer }
  | {
      readonly name: 'confirming';
      readonly task: QueueTask;
      readonly offer: Offer;
      /** The call that confirms the offer is under way; false after a call without an answer, until the next poll repeats it. */
      readonly underWay: boolean;
    }
  | {
      readonly name: 'leaving';
      readonly answer: Answer<P>;
      /** A slot that the store holds for the request. */
      readonly slot: P | null;
      /** The call `leave` is under way. It is made when all earlier calls are answered. */
      readonly underWay: boolean;
    }
  | {
      readonly name: 'closed';
      /** Another connection continues the request, now or after a reconnect: its queue positions stay. */
      readonly continues: boolean;
    };

export type PhaseName = Phase<Placed>['name'];

/** A play request on the broker that serves it. */
export interface PlayRequest<P extends Placed> {
  readonly terms: RequestTerms;
  /** The session that the request becomes. */
  readonly sessionId: string;
  /** The epoch of the request's record. Only the broker that raised it last may continue the request. */
  readonly epoch: number;
  readonly phase: Phase<P>;
  /** Calls to the store without an answer so far. */
  readonly calls: number;
  readonly whenFull: WhenFull;
  /** The region pool of the lost host, when a session is placed again. */
  readonly lostIn: RegionPool | null;
  /** The queues in which the request waits. */
  readonly queues: readonly RegionPool[];
  /** When the request began to wait, by the store's clock; `null` if it did not wait. */
  readonly arrivedAtMs: StoreMs | null;
  /** Whether the request missed an offer, according to one of its queues. It is recorded in queues that the request joins later. */
  readonly missedOffer: boolean;
  /** A call was not answered: the store may hold a slot, a queue position or an epoch of the request that this broker does not know. */
  readonly isUncertain: boolean;
}
