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

/** A request that was recorded earlier. */
export interface RequestRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly regionPool: RegionPool;
  /** Milliseconds since the request was recorded, by the store's clock. */
  readonly ageMs: number;
}

/** Another request that the same player made earlier. */
export interface PreviousRequestRecord extends RequestRecord {
  readonly requestId: string;
}

export type RecordRequestOutcome =
  /** `previous`: the newest other request of the player, if one is remembered. */
  | { readonly kind: 'new'; readonly previous?: PreviousRequestRecord }
  | { readonly kind: 'repeat'; readonly record: RequestRecord };

/** An epoch that is reserved for one attempt to move a request's session. */
export interface AllocatedEpoch {
  readonly epoch: number;
  /** The epoch of the request when `epoch` was allocated. */
  readonly fromEpoch: number;
}

/** Play requests by player, and tokens that are good for one use. Errors: see `FleetStore`. */
export interface RequestStore {
  /** Records requests. Of equal ones in the list the first is `new`, the others get its record. */
  recordRequests(requests: readonly RequestEntry[]): Promise<readonly RecordRequestOutcome[]>;
  /** The records of requests; `null` for one that is not remembered. Writes nothing. */
  findRequests(keys: readonly RequestKey[]): Promise<readonly (RequestRecord | null)[]>;
  /**
   * Starts a new attempt for a request: raises its epoch if that is still `fromEpoch`, and records the region pool.
   * Records the request if the store does not know it (any more).
   *
   * @returns the new epoch, above every epoch that was allocated for the request; `null` when another attempt came first
   */
  startAttempt(request: RequestEntry, fromEpoch: number): Promise<number | null>;
  /**
   * Allocates the epoch of an attempt to move the request's session. The request itself stays unchanged. No other call
   * ever gets this epoch, whether the attempt succeeds or not.
   *
   * @param aboveEpoch the result is above this one, above the request's own and above every one allocated before
   */
  allocateEpoch(request: RequestEntry, aboveEpoch: number): Promise<AllocatedEpoch>;
  /**
   * Gives the request the epoch that was allocated, and the region pool of `request`. Repeating it is safe.
   *
   * @returns false when the request's epoch is no longer `fromEpoch`: another attempt succeeded meanwhile
   */
  commitEpoch(request: RequestEntry, allocated: AllocatedEpoch): Promise<boolean>;
  /** Records in which region pool a request was placed, when that is not where it was tried first. */
  setRequestPool(request: RequestEntry): Promise<void>;
  /** Deletes a request that was refused, so that the player may try again with the same id. */
  deleteRequest(playerId: string, requestId: string): Promise<void>;
  /**
   * Uses up a token that is good for one use. This is the one operation that cannot be repeated safely: after an error the
   * token may have been used up.
   *
   * @param ttlMs how long the store remembers the token: longer than any broker would accept it
   * @returns true for the first use on any broker; false within `ttlMs` of it
   */
  useToken(playerId: string, tokenId: string, ttlMs: number): Promise<boolean>;
}

/** How long a request is remembered after it was made: longer than any session may last. */
export const REQUEST_KEPT_MS = 24 * 3_600_000;

/** How many requests of one player are remembered. Older ones count as new again. */
export const REQUESTS_PER_PLAYER = 8;
