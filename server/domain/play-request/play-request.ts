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

/** What never changes in the life of a request. */
export interface RequestTerms {
  readonly requestId: string;
  readonly onConflict: OnConflict;
  /** The region pools that may serve the request, the best first. Empty only if `unservable`. */
  readonly candidates: readonly Candidate[];
  /** Why no region pool can serve the request now; `null` if some can. When it was made before, its session may still live. */
  readonly unservable: RefusalCode | null;
}

/** The slot that is reserved while the request is being recorded: nearly every request is new, and this saves a round trip. */
export type AheadSlot<P extends Placed> =
  | { readonly kind: 'none' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'full' }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
  | { readonly kind: 'placed'; readonly placed: P };

/** What the store answers when a request is recorded that is not new. */
export type RecordOutcome =
  | { readonly kind: 'repeat'; readonly record: RememberedRequest }
  /** `sessionId`: the store remembers the slot ahead, which is returned, so the request becomes another session. */
  | { readonly kind: 'live'; readonly other: RememberedRequest; readonly sessionId: string };

/** What a request that waits in queues has asked the store, besides its regular polls. */
export type QueueTask = 'none' | 'join' | 'verify' | 'requeue';

/** The last word on a request: the one answer that its client gets. */
export type Answer<P extends Placed> =
  | { readonly kind: 'matched'; readonly placed: P }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly sessionId?: string }
  /** Another request or connection of the player continues it: nothing is withdrawn. */
  | { readonly kind: 'replaced' };

/** What to do when no candidate has a slot: wait in queues, refuse the request, or end the session that lost its host. */
export type WhenFull = 'wait' | 'refuse' | 'end';

/**
 * Where a request is in its life. One phase at a time; each has what only it needs.
 *
 * - `recording`: the store records the request as the player's live one.
 * - `locating`: the store knows the request; the broker finds out what became of it.
 * - `inspecting`: the player has another live request; the broker checks that it lives.
 * - `replacing`, `resuming`: this request takes the other one's place, or continues its session.
 * - `starting`: a new attempt of a remembered request raises its epoch.
 * - `placing`: the store reserves a slot in one candidate after the other.
 * - `describing`: the slot is reserved; the broker reads the host's endpoint.
 * - `waiting`, `offered`, `confirming`: in queues, without an offer, with one, with one that the client accepted.
 * - `leaving`: the answer is decided; the store takes back whatever it holds for the request.
 * - `closed`: answered. Results that arrive late are taken back.
 */
export type Phase<P extends Placed> =
  | {
      readonly name: 'recording';
      readonly ahead: AheadSlot<P>;
      /** The store's answer, while that to the slot ahead is missing: the slot has to be returned first. */
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
      /** The call that takes everything back is under way. Before that, earlier calls have to be answered. */
      readonly underWay: boolean;
    }
  | {
      readonly name: 'closed';
      /** Another connection continues the request, now or when the client comes back: its queue positions stay. */
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
  /** Whether the request missed an offer, according to one of its queues. Queues that it joins later must know. */
  readonly missedOffer: boolean;
  /** A call was not answered: the store may hold a slot, a queue position or an epoch of the request that this broker does not know. */
  readonly isUncertain: boolean;
  /** How often another request of the player came first while this one took its place. */
  readonly lostReplacements: number;
}
