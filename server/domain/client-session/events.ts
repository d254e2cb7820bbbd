import type { EndReason } from '@duskline/protocol/vocabulary';
import type { BrokerTypes, ClientMove, SessionChange } from './client-session.js';

/** Where the broker found a session that left the host its client knows. */
export type LocateResult<T extends BrokerTypes> =
  /** On the target host of the client's move. */
  | { readonly kind: 'at_target'; readonly change: SessionChange }
  /** On a host that the client was not sent. `message`: the `matched` for it. */
  | {
      readonly kind: 'elsewhere';
      readonly assignment: T['assignment'];
      readonly change: SessionChange;
      readonly message: T['message'];
    }
  | { readonly kind: 'nowhere' }
  /** The store did not answer, or the host of the session is not connected. */
  | { readonly kind: 'failed' };

/** How the order to end a session was carried out. */
export type EndResult =
  /** The session has ended, in the store too. */
  | { readonly kind: 'ended'; readonly reason: EndReason }
  | { readonly kind: 'failed'; readonly code: 'UNAVAILABLE' | 'STALE_EPOCH' | 'INTERNAL' };

/**
 * What happens to a client's session. All but the last group may come at any time; those of the last group are answers to the calls
 * of `SessionEffect`.
 */
export type SessionEvent<T extends BrokerTypes> =
  /** A slot was found for the client's request, or the session for a repeated or newer one. */
  | {
      readonly type: 'matched';
      readonly assignment: T['assignment'];
      readonly message: T['message'];
      /** The connection that gets the session is open. */
      readonly isConnected: boolean;
      /** Another connection had the session until now. */
      readonly isOtherClient: boolean;
      /** The session as the store has it, if it existed before. */
      readonly earlier: SessionChange | null;
    }
  /** The client repeated its request, and the session has ended with a reason that its host may reverse. */
  | { readonly type: 'end_found'; readonly assignment: T['assignment']; readonly reason: EndReason }
  | { readonly type: 'changed'; readonly change: SessionChange; readonly nowMs: number }
  | { readonly type: 'end_ordered'; readonly order: T['order'] }
  | { readonly type: 'disconnected' }
  /** A move has restored the session on its target host. `fromEpoch`: the session's epoch on the source host. */
  | {
      readonly type: 'moving';
      readonly move: ClientMove<T>;
      readonly fromEpoch: number;
      readonly message: T['message'];
    }
  /** The move to this epoch is cancelled, or its client declined it. */
  | { readonly type: 'move_cancelled'; readonly epoch: number }
  /** The host returned at another endpoint: `message` is the `matched` with it. */
  | { readonly type: 'endpoint_changed'; readonly epoch: number; readonly message: T['message'] }
  /** A periodic check read the session. `change`: `null` if the store does not know it. */
  | {
      readonly type: 'verified';
      /** The revision of the session when the store was asked. */
      readonly asOf: number;
      readonly change: SessionChange | null;
      /** A host may report the session soon, so that the store knows it again. */
      readonly mayBeReported: boolean;
      readonly nowMs: number;
    }
  /** Another broker has continued the session while this one could not reach the store. */
  | { readonly type: 'disowned' }
  /** The session that lost its host got no other one. */
  | { readonly type: 'replacement_refused'; readonly reason: EndReason }
  /** Another request of the player has the place of the one that places the session again. */
  | { readonly type: 'replacement_replaced'; readonly isTakeover: boolean }
  | SessionResult<T>;

/** Answers to calls. */
export type SessionResult<T extends BrokerTypes> =
  | {
      readonly type: 'located';
      readonly call: number;
      readonly result: LocateResult<T>;
      readonly nowMs: number;
    }
  /** `byRequestId`: the request that has the session; `null` if the store did not answer. */
  | { readonly type: 'owner_found'; readonly call: number; readonly byRequestId: string | null }
  /** `isLive`: the session is its player's; false if another request is, and the session has ended. */
  | { readonly type: 'renewed'; readonly call: number; readonly isLive: boolean }
  | { readonly type: 'end_answered'; readonly call: number; readonly result: EndResult }
  | {
      readonly type: 'read';
      readonly asOf: number;
      readonly change: SessionChange | null;
      readonly nowMs: number;
    };

/** The event of this type. */
export type EventOf<T extends BrokerTypes, Type extends SessionEvent<T>['type']> = Extract<
  SessionEvent<T>,
  { readonly type: Type }
>;
