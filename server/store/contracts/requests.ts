import type { RegionPool } from '../../domain/catalog.js';

/** Names a play request. */
export interface RequestKey {
  readonly playerId: string;
  readonly requestId: string;
}

/** A play request. It is recorded before its slot is reserved, so that repeating it is safe on any broker. */
export interface RequestEntry extends RequestKey {
  /** The session that this request becomes. */
  readonly sessionId: string;
  /** The region pool in which the request is tried first. */
  readonly regionPool: RegionPool;
}

/**
 * The state of a remembered request:
 *
 * - `live`: the player's one live request. It waits, or has a session whose end was not recorded.
 * - `over`: it is not live any more. It was ended with `clearLiveRequests`; only `renewLiveRequests` makes it live again.
 * - `replaced`: another request of the player replaced it. No broker can continue it.
 */
export type RequestState = 'live' | 'over' | 'replaced';

/** A request that was recorded earlier. */
export interface RequestRecord {
  readonly state: RequestState;
  /** The id of the request that took its place or continues its session, if it was `replaced`. */
  readonly replacedBy: string | null;
  readonly sessionId: string;
  readonly epoch: number;
  readonly regionPool: RegionPool;
  /** Milliseconds since the request was recorded or its latest attempt started, by the store's clock. */
  readonly ageMs: number;
}

/** The live request of a player. */
export interface LiveRequest extends Omit<RequestRecord, 'state' | 'replacedBy'> {
  readonly requestId: string;
}

/** The session of a live request, as a caller read it. Another request may have resumed it since. */
export type ExpectedLive = Pick<LiveRequest, 'sessionId' | 'epoch'>;

/** A session, or the request that was to become it, that has ended in all region pools. */
export interface EndedRequest {
  readonly playerId: string;
  readonly sessionId: string;
  /** The epoch at which it ended. An attempt with a higher epoch goes on. */
  readonly epoch: number;
}

/** A session that its host brought back after the session's end, in that region pool. */
export interface ReturnedSession extends EndedRequest {
  readonly regionPool: RegionPool;
}

/**
 * - `live`: the session's request is its player's live request.
 * - `placed_again`: it is, with a later attempt: a broker is placing the session on another host.
 * - `replaced`: another request of the player is live, or has replaced it. The session must end.
 * - `unknown`: the store does not remember the request, and no other one is live.
 */
export const RENEW_OUTCOMES = ['live', 'placed_again', 'replaced', 'unknown'] as const;
export type RenewOutcome = (typeof RENEW_OUTCOMES)[number];

/**
 * - `new`: recorded, and the player's live request now.
 * - `repeat`: a request of this id is remembered. The call changed nothing.
 * - `live`: another request of the player is live. The call changed and recorded nothing.
 */
export type RecordRequestOutcome =
  | { readonly kind: 'new' }
  | { readonly kind: 'repeat'; readonly record: RequestRecord }
  | { readonly kind: 'live'; readonly live: LiveRequest };

/**
 * - `replaced`: the request is live, and the one before is `replaced` by it. The `epoch` of `before` is above every epoch that was
 *   given to that one: withdraw its session below that epoch.
 * - `new`, `repeat`, `live`: see `RecordRequestOutcome`; `new` when nothing was live.
 */
export type ReplaceLiveOutcome =
  { readonly kind: 'replaced'; readonly before: LiveRequest } | RecordRequestOutcome;

/**
 * - `resumed`: the request is live with the expected session, as in `record`. The one before is `replaced`.
 * - `none`: nothing is live. The call changed nothing.
 * - `repeat`, `live`: see `RecordRequestOutcome`.
 */
export type ResumeLiveOutcome =
  | { readonly kind: 'resumed'; readonly record: RequestRecord }
  | { readonly kind: 'none' }
  | Exclude<RecordRequestOutcome, { readonly kind: 'new' }>;

/** An epoch that is reserved for one attempt to move a request's session. */
export interface AllocatedEpoch {
  readonly epoch: number;
  /** The epoch of the request when `epoch` was allocated. */
  readonly fromEpoch: number;
}

/**
 * Play requests by player, and tokens that can be used once. Errors: see `FleetStore`.
 *
 * Whatever brokers call, and in whatever order:
 *
 * - A player has at most one live request. Only `clearLiveRequests`, `replaceLiveRequest`, `resumeLiveRequest` and
 *   `deleteRequest` end that, and each only for the request or session that it names. No number of other requests makes the store
 *   forget it within `REQUEST_KEPT_MS`.
 * - No epoch of a session is given to two callers while the store remembers its request, and each is above those before.
 * - A request that was replaced gets no new attempt.
 *
 * A broker may die after a session has ended and before `clearLiveRequests`. A caller that gets `live` therefore
 * checks its session in `regionPool`, and when that has ended, calls `replaceLiveRequest`.
 *
 * A session may go on under another request id (`resumeLiveRequest`) while hosts and other brokers still know the first. Calls
 * that name the first request and the session concern the request that has the session now: `allocateEpoch`, `commitEpoch` and
 * `setRequestPool`.
 */
export interface RequestStore {
  /**
   * Records requests of players who have no live request, and makes them live. Of equal ones in the list the first is `new`, the
   * others get its record.
   */
  recordRequests(requests: readonly RequestEntry[]): Promise<readonly RecordRequestOutcome[]>;
  /** The records of requests; `null` for one that is not remembered. Writes nothing. */
  findRequests(keys: readonly RequestKey[]): Promise<readonly (RequestRecord | null)[]>;
  /**
   * Records a request in place of the live one. Of several callers each succeeds, one after the other, and the last one's request
   * stays. Repeating it is safe.
   *
   * @param expected replaces only a request with this session, at this epoch: of several callers that expect the same, one succeeds;
   *   `null` to replace any
   */
  replaceLiveRequest(request: RequestEntry, expected: ExpectedLive | null): Promise<ReplaceLiveOutcome>;
  /**
   * Gives the session of the live request, with its epochs and region pool, to another request, if that is still the expected
   * session, whichever request has it by now. Of several callers each succeeds, one after the other, and the last one has the
   * session. Repeating it is safe.
   *
   * @param raiseEpoch whether the request starts a new attempt, so that no broker can continue the one before: for a request
   *   that waits. It then has to wait at the expected epoch still: of several callers that expect the same, one succeeds. A session
   *   on a host keeps its epoch, and the record its age.
   */
  resumeLiveRequest(key: RequestKey, expected: ExpectedLive, raiseEpoch: boolean): Promise<ResumeLiveOutcome>;
  /**
   * Ends the live requests with these sessions, unless an attempt with a higher epoch has started. They stay remembered as
   * `over`. Repeating it is safe.
   *
   * @returns for each whether this call ended a live request
   */
  clearLiveRequests(ended: readonly EndedRequest[]): Promise<readonly boolean[]>;
  /**
   * Makes the requests of sessions live again that came back after their end. Their epochs are again those of the sessions: a later
   * attempt had been started and given up. The next attempt gets an epoch above all. Repeating it is safe.
   */
  renewLiveRequests(returned: readonly ReturnedSession[]): Promise<readonly RenewOutcome[]>;
  /**
   * Starts a new attempt for a request: raises its epoch if that is still `fromEpoch`, records the region pool, and makes it the
   * live one. Records the request if the store does not know it (any more).
   *
   * @param orLater also raises a later epoch, so that of several callers each succeeds
   * @returns the new epoch, above every epoch that was allocated for the request; `null` when another attempt came first, another
   *   request of the player is live or has the session, or this one was replaced
   */
  startAttempt(request: RequestEntry, fromEpoch: number, orLater?: boolean): Promise<number | null>;
  /**
   * Allocates the epoch of an attempt to move the request's session. The request itself stays unchanged. No other call
   * ever gets this epoch, whether the attempt succeeds or not. A request that the store does not know is recorded, and is live
   * unless another one is.
   *
   * @param aboveEpoch the result is above this one, above the request's own and above every one allocated before
   */
  allocateEpoch(request: RequestEntry, aboveEpoch: number): Promise<AllocatedEpoch>;
  /**
   * Gives the request the epoch that was allocated, and the region pool of `request`, and makes it the live one. Repeating it
   * is safe.
   *
   * @returns false when the request's epoch is no longer `fromEpoch`, so that another attempt succeeded meanwhile; when another
   *   request of the player is live; or when this one was replaced
   */
  commitEpoch(request: RequestEntry, allocated: AllocatedEpoch): Promise<boolean>;
  /** Records in which region pool a request was placed, when that is not where it was tried first. */
  setRequestPool(request: RequestEntry): Promise<void>;
  /** Deletes a request that was refused, so that the player may try again with the same id. One that was replaced stays. */
  deleteRequest(playerId: string, requestId: string): Promise<void>;
  /**
   * Uses up a token that can be used once. This is the one operation that cannot be repeated safely: after an error the
   * token may have been used up.
   *
   * @param ttlMs how long the store remembers the token: longer than any broker would accept it
   * @returns true for the first use on any broker; false within `ttlMs` of it
   */
  useToken(playerId: string, tokenId: string, ttlMs: number): Promise<boolean>;
}

/** How long a request is remembered after its latest attempt: longer than any session may last. */
export const REQUEST_KEPT_MS = 24 * 3_600_000;

/** How many requests of one player are remembered, the live one among them. Older ones count as new again. */
export const REQUESTS_PER_PLAYER = 8;
