import type { RegionPool } from '../catalog.js';
import type { Answer, Offer, Placed, RememberedRequest } from './play-request.js';

/** Calls to the store. The broker answers each with exactly one `RequestResult`, which is `failed` if the call failed. */
export type RequestCall<P extends Placed> =
  | { readonly type: 'record' }
  | { readonly type: 'reserve'; readonly index: number }
  /** `record`: what the store remembers, if that has been read already. */
  | { readonly type: 'locate'; readonly record: RememberedRequest | null }
  | { readonly type: 'inspect'; readonly other: RememberedRequest }
  /** Replaces the other request, and ends its session or queue positions. `isOver`: its session has ended already. */
  | { readonly type: 'replace'; readonly other: RememberedRequest; readonly isOver: boolean }
  | { readonly type: 'resume'; readonly other: RememberedRequest }
  | { readonly type: 'start_attempt'; readonly fromEpoch: number; readonly regionPool: RegionPool }
  | { readonly type: 'describe'; readonly placed: P }
  | { readonly type: 'join'; readonly regionPools: readonly RegionPool[] }
  | { readonly type: 'confirm'; readonly offer: Offer }
  | { readonly type: 'verify' }
  | { readonly type: 'requeue' }
  /**
   * Removes the request from its queues, releases its slot, and clears its record as the live request. `everywhere`: searches all
   * queues, because a call was not answered and may have joined any of them.
   */
  | {
      readonly type: 'leave';
      readonly queues: readonly RegionPool[];
      readonly slot: P | null;
      readonly everywhere: boolean;
    };

/** Effects that the broker carries out without an answer. */
export type RequestNotice<P extends Placed> =
  | { readonly type: 'answer'; readonly answer: Answer<P> }
  | { readonly type: 'send_offer'; readonly offer: Offer }
  /** The client accepted an offer that is over. */
  | { readonly type: 'send_no_offer' }
  /** Sends the position if the client does not know it. */
  | { readonly type: 'send_position' }
  /** Releases a slot that arrived too late, or that was reserved ahead and is not needed. */
  | { readonly type: 'release'; readonly placed: P }
  /** Returns a second offer to its queue. */
  | { readonly type: 'return_offer'; readonly regionPool: RegionPool; readonly keptIn: RegionPool }
  /** Leaves queues that are not needed any more. */
  | { readonly type: 'leave_queues'; readonly queues: readonly RegionPool[] }
  | { readonly type: 'record_missed_offer'; readonly queues: readonly RegionPool[] }
  /** Records the first queue: brokers search there first for a repeated request. */
  | { readonly type: 'record_queue'; readonly regionPool: RegionPool }
  /** The session has another host: ends its record in the region pool of the lost host. */
  | { readonly type: 'end_lost_assignment'; readonly regionPool: RegionPool; readonly placed: P }
  /** The client's socket closed: the broker remembers the request, so that it can restore its queue positions. */
  | { readonly type: 'remember'; readonly queues: readonly RegionPool[] };

export type RequestEffect<P extends Placed> = RequestCall<P> | RequestNotice<P>;

const CALLS: ReadonlySet<RequestEffect<Placed>['type']> = new Set<RequestCall<Placed>['type']>([
  'record',
  'reserve',
  'locate',
  'inspect',
  'replace',
  'resume',
  'start_attempt',
  'describe',
  'join',
  'confirm',
  'verify',
  'requeue',
  'leave',
]);

/** Whether the broker answers the effect with a `RequestResult`. */
export function isCall<P extends Placed>(effect: RequestEffect<P>): effect is RequestCall<P> {
  return CALLS.has(effect.type);
}
