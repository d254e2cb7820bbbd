import type { ErrorMessage } from '@duskline/protocol';
import { ERRORS, mayReconnect, type ErrorCode } from '@duskline/protocol/codes';

/** Why a connection attempt or a connection ended. */
export type ConnectionFailure =
  /** The socket closed. `errorCode` is from the error frame before the close, if there was one. */
  | {
      readonly kind: 'closed';
      readonly closeCode: number;
      readonly errorCode?: ErrorCode;
      readonly retryAfterMs?: number;
    }
  /** The broker answered `register` with an error and left the connection open. */
  | { readonly kind: 'not_registered'; readonly errorCode: ErrorCode; readonly retryAfterMs?: number }
  /**
   * The HTTP upgrade was answered with a status other than 101. `errorCode` is from the body, if it has one, and `retryAfterMs` from
   * the header `Retry-After`, if it states seconds.
   */
  | {
      readonly kind: 'upgrade_refused';
      readonly httpStatus: number;
      readonly errorCode?: ErrorCode;
      readonly retryAfterMs?: number;
    }
  /** There is no connection: DNS, network or TLS. */
  | { readonly kind: 'network'; readonly detail: string }
  /** The token supplier threw or rejected. Its error may contain a secret, so it is not kept. */
  | { readonly kind: 'token' }
  /** Connecting and registering took longer than `connectTimeoutMs`. */
  | { readonly kind: 'deadline' }
  /** No message, ping or pong for 2.5 heartbeat intervals. */
  | { readonly kind: 'silence' }
  /** The ticket key in `registered` is too short to be safe. */
  | { readonly kind: 'bad_ticket_key' };

/** HTTP statuses that another attempt with the same options would get again. */
const FINAL_HTTP_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 426]);

/**
 * Whether another attempt may succeed.
 *
 * @param renewable whether the token comes from a supplier, so the next attempt can get another one
 */
export function mayRetry(failure: ConnectionFailure, renewable: boolean): boolean {
  switch (failure.kind) {
    case 'closed':
      if (failure.errorCode === 'TOKEN_EXPIRED') return renewable;
      // The one error with close code 4401 after which the same token may be accepted later.
      return failure.errorCode === 'TOKEN_NOT_YET_VALID' || mayReconnect(failure.closeCode);
    case 'upgrade_refused':
      if (failure.errorCode === 'TOKEN_EXPIRED') return renewable;
      // Without an error code, the token may have expired, so another one may be accepted.
      if (failure.errorCode === undefined && failure.httpStatus === 401) return renewable;
      if (failure.errorCode !== undefined && ERRORS[failure.errorCode].retryable) return true;
      return !FINAL_HTTP_STATUSES.has(failure.httpStatus);
    case 'not_registered':
    case 'network':
    case 'token':
    case 'deadline':
    case 'silence':
    case 'bad_ticket_key':
      return true;
    default:
      return failure satisfies never;
  }
}

/** Adds the last error frame to a close, if errors of its kind close with this code. */
export function addErrorToClose(
  failure: ConnectionFailure,
  lastError: ErrorMessage | undefined,
): ConnectionFailure {
  if (failure.kind !== 'closed' || lastError === undefined) return failure;
  if (ERRORS[lastError.code].closeCode !== failure.closeCode) return failure;
  return { ...failure, errorCode: lastError.code, ...pickRetryAfter(lastError) };
}

/** The failure for an error that answers `register` and leaves the connection open; `undefined` if a close follows. */
export function toRegistrationFailure(error: ErrorMessage): ConnectionFailure | undefined {
  if (ERRORS[error.code].closeCode !== null) return undefined;
  return { kind: 'not_registered', errorCode: error.code, ...pickRetryAfter(error) };
}

/** How long the broker asks to wait before the next attempt, in milliseconds; 0 if it does not. */
export function requestedPauseMs(failure: ConnectionFailure): number {
  return 'retryAfterMs' in failure ? (failure.retryAfterMs ?? 0) : 0;
}

function pickRetryAfter({ retryAfterMs }: ErrorMessage): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
