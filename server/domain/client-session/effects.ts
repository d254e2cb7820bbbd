import type { EndReason, SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../catalog.js';
import type { BrokerTypes, ClientMove, Search, SessionChange } from './client-session.js';

/** Calls to the store. The broker answers each with one event that has the same `call` or `asOf`. */
export type SessionCall<T extends BrokerTypes> =
  /** Answer: `located`. */
  | {
      readonly type: 'locate';
      readonly call: number;
      readonly search: Search;
      /** The assignment that the session has left. */
      readonly from: T['assignment'];
      /** The epoch that the client knows: only a session with a higher one is on another host. */
      readonly aboveEpoch: number;
      /** Where the store reported the session. */
      readonly regionPool: RegionPool;
      readonly move: ClientMove<T> | null;
      readonly afterMs: number;
    }
  /** Answer: `owner_found`. */
  | { readonly type: 'find_owner'; readonly call: number; readonly requestId: string }
  /** Ends the session, on whichever host it is. Answer: `end_answered`. */
  | {
      readonly type: 'end';
      readonly call: number;
      readonly assignment: T['assignment'];
      readonly epoch: number;
    }
  /**
   * The host came back with the session, whose player's request may be over: that request is live again, unless another one is live. Then
   * the session ends. Answer: `renewed`.
   */
  | {
      readonly type: 'renew';
      readonly call: number;
      readonly epoch: number;
      readonly regionPool: RegionPool;
    }
  /** Reads the session again. Answer: `read`. */
  | { readonly type: 'read'; readonly asOf: number; readonly regionPool: RegionPool };

/** Effects that need no answer. */
export type SessionNotice<T extends BrokerTypes> =
  /** The connection of the event has the session, or its end, from now on. */
  | { readonly type: 'link' }
  /** Sends `matched` or `moving`. */
  | { readonly type: 'send'; readonly message: T['message'] }
  /** Sends `session`. If it has ended, the player's live request is over. */
  | {
      readonly type: 'tell';
      readonly epoch: number;
      readonly state: SessionState;
      readonly reason: EndReason | null;
    }
  /** The session of a disconnected client has ended: its player's live request is over. */
  | { readonly type: 'clear_live'; readonly epoch: number; readonly reason: EndReason | null }
  /** Sends `replaced`. */
  | { readonly type: 'send_replaced'; readonly requestId: string; readonly byRequestId: string }
  /** Answers the client's order to end the session. `failure`: `null` if it has ended. */
  | {
      readonly type: 'answer_order';
      readonly order: T['order'];
      readonly failure: 'UNAVAILABLE' | 'STALE_EPOCH' | 'INTERNAL' | 'UNKNOWN_SESSION' | null;
    }
  /** Tells the coordinator that the client was not sent to the target host. */
  | { readonly type: 'refuse_move'; readonly move: ClientMove<T>; readonly reason: string }
  /**
   * Places the session again. If the client repeats its request at this moment, it gets its answer from that.
   * `isLast`: so many hosts failed the session that it gets no other one.
   */
  | {
      readonly type: 'replace';
      readonly lost: SessionChange;
      readonly from: T['assignment'];
      readonly mayWait: boolean;
      readonly isLast: boolean;
    }
  /** The client ends the session that is being placed again: the request that does so is cancelled. */
  | { readonly type: 'cancel_replacement'; readonly order: T['order'] };

export type SessionEffect<T extends BrokerTypes> = SessionCall<T> | SessionNotice<T>;
