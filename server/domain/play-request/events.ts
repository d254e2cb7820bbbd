import type { StoreMs } from '../store-time.js';
import type { RegionPool } from '../catalog.js';
import type { Candidate } from '../ranking.js';
import type { RequestCall } from './effects.js';
import type { Offer, Placed, RecordOutcome, RememberedRequest } from './play-request.js';
import type { RefusalCode } from './refusal-codes.js';

/** Where a remembered request waits. */
export interface QueuePosition {
  readonly sessionId: string;
  readonly epoch: number;
  readonly arrivedAtMs: StoreMs | null;
  readonly missedOffer: boolean;
  readonly queues: readonly RegionPool[];
  /** The candidates for the title that the request waits for; present if the repeated request names another title. */
  readonly candidates?: readonly Candidate[];
}

/** The result of one attempt to reserve a slot. */
export type ReserveResult<P extends Placed> =
  | { readonly kind: 'placed'; readonly placed: P }
  /** The region pool has no free slot, or is closed. */
  | { readonly kind: 'full' }
  /** The request cannot be placed there at all, or another broker continues it. */
  | { readonly kind: 'refused'; readonly code: RefusalCode }
  /** Another request of the player had replaced this one. The slot was released, or the other one has it. */
  | { readonly kind: 'replaced' };

/**
 * Who continues a request, according to the store's record:
 *
 * - `own`: this broker.
 * - `replaced`: another request of the player replaced it. Queue positions that it has joined since are of no use.
 * - `resumed`: another request of the player continues it, and uses its queue positions.
 * - `continued`: another broker, which has started a later attempt.
 * - `over`: nothing continues it. It was cancelled on another connection.
 * - `unknown`: the store does not know the request.
 */
export type Standing = 'own' | 'replaced' | 'resumed' | 'continued' | 'over' | 'unknown';

/** What became of a remembered request. */
export type LocateResult<P extends Placed> =
  | { readonly kind: 'placed'; readonly placed: P }
  /** Its host was lost, and no broker has placed it again. */
  | { readonly kind: 'lost'; readonly regionPool: RegionPool; readonly epoch: number }
  | { readonly kind: 'waiting'; readonly position: QueuePosition }
  /** It never got a slot, or lost its queue position: a new attempt may start. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'over'; readonly code: RefusalCode }
  /** Another request of the player replaced it before it had a session. */
  | { readonly kind: 'replaced' };

/** What a poll of its queues found about a request. */
export interface PolledQueues<P extends Placed> {
  /** When the store was asked, by the broker's monotonic clock. */
  readonly queriedAtMs: number;
  /** The queues in which it waits, with its arrival time there. */
  readonly waiting: readonly {
    readonly regionPool: RegionPool;
    readonly arrivedAtMs: StoreMs;
    readonly missed: boolean;
  }[];
  /** The slot that is offered to it now. */
  readonly offers: readonly Offer[];
  /** Queues that do not have it. */
  readonly missing: readonly RegionPool[];
  /** It missed its second offer. */
  readonly timedOut: boolean;
  /** Every queue dropped it, because no broker had polled for too long. */
  readonly expired: boolean;
  /** Another broker polls for it: the player's newer connection is there. */
  readonly heldByOther: boolean;
  /** It has a session: a reply to this broker was lost, another broker accepted the offer, or its host admitted the player. */
  readonly placed: P | null;
  /** The candidates, with region pools that operators have opened since the request was ranked; `null` if they are as before. */
  readonly candidates: readonly Candidate[] | null;
  /** Region pools that the latency policy accepts by now and operators have not closed. */
  readonly acceptable: readonly RegionPool[];
}

/**
 * What happens to a request. Those of the first group come from its client, its player's other connections and the fleet, at
 * any time; the others are answers to the calls of `Effect`, one for each call.
 */
export type RequestEvent<P extends Placed> =
  | { readonly type: 'cancelled' }
  | { readonly type: 'accepted' }
  | { readonly type: 'disconnected' }
  /** Another connection or request of the player continues or replaces this request. */
  | { readonly type: 'replaced_by_other' }
  | { readonly type: 'offer_received'; readonly offer: Offer }
  | { readonly type: 'missed_second_offer' }
  | { readonly type: 'polled'; readonly polled: PolledQueues<P> }
  | RequestResult<P>;

/** Answers to the calls that a request made. */
export type RequestResult<P extends Placed> =
  | { readonly type: 'recorded'; readonly outcome: { readonly kind: 'new' } | RecordOutcome }
  | { readonly type: 'reserved'; readonly result: ReserveResult<P> }
  | { readonly type: 'located'; readonly result: LocateResult<P> }
  | { readonly type: 'inspected'; readonly found: 'ended' | 'waiting' | 'session' }
  | {
      readonly type: 'replaced';
      readonly outcome:
        | { readonly kind: 'done' }
        | { readonly kind: 'live'; readonly other: RememberedRequest }
        /** A newer request of the player replaces this one. */
        | { readonly kind: 'outdated' };
    }
  | {
      readonly type: 'resumed';
      readonly result:
        | { readonly kind: 'placed'; readonly placed: P }
        | { readonly kind: 'waiting'; readonly position: QueuePosition }
        /** The other request has ended meanwhile. */
        | { readonly kind: 'ended' }
        /** Another session of the player is live by now. */
        | { readonly kind: 'live'; readonly other: RememberedRequest }
        /** A newer request of the player resumes or replaces the other one. */
        | { readonly kind: 'outdated' }
        /** This request is remembered: the session ended just now, its host is lost, or another connection repeats the request. */
        | { readonly kind: 'known'; readonly record: RememberedRequest };
    }
  | {
      readonly type: 'attempt_started';
      readonly result:
        | { readonly kind: 'started'; readonly epoch: number }
        /** Another connection started an attempt of this request first. */
        | { readonly kind: 'continued'; readonly record: RememberedRequest }
        /** Another request of the player is live, or this one was cancelled. */
        | { readonly kind: 'refused'; readonly code: RefusalCode }
        | { readonly kind: 'replaced' };
    }
  | {
      readonly type: 'described';
      /**
       * `unknown`: the store has lost the record. `resumed`: another request of the player has the slot. `cancelled`: on another connection
       * of the player, which has ended the request in the store.
       */
      readonly result: 'ready' | 'host_left' | 'unknown' | 'replaced' | 'resumed' | 'cancelled';
    }
  | {
      readonly type: 'joined';
      readonly queues: readonly RegionPool[];
      readonly arrivedAtMs: StoreMs | null;
      /** Why no queue accepted it, if none did; else why it may not wait any more. */
      readonly refused: RefusalCode | null;
      readonly standing: Standing;
    }
  | {
      readonly type: 'confirmed';
      readonly result:
        | { readonly kind: 'placed'; readonly placed: P; readonly epoch: number }
        | { readonly kind: 'gone'; readonly epoch: number }
        /** Another broker raised the request's epoch. */
        | { readonly kind: 'continued' }
        /** The epoch is raised, and the rest of the call was not answered. */
        | { readonly kind: 'unknown'; readonly epoch: number };
    }
  /** `epoch`: of the record, which differs from the request's when the store had lost it. */
  | {
      readonly type: 'verified';
      readonly standing: Standing;
      readonly epoch: number;
      /** As in `PolledQueues`. */
      readonly acceptable: readonly RegionPool[];
    }
  | { readonly type: 'requeued'; readonly epoch: number | null }
  | { readonly type: 'left' }
  /** A call was not answered, or the broker failed. */
  | {
      readonly type: 'failed';
      readonly call: RequestCall<P>['type'];
      readonly code: 'UNAVAILABLE' | 'INTERNAL';
    };
