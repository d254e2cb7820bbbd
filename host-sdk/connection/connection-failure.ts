import type { ErrorMessage } from '@duskline/protocol';
import { ERRORS, mayReconnect, type ErrorCode } from '@duskline/protocol/codes';

/** Why an attempt or a connection ended. */
export type ConnectionFailure =
  /** The socket closed. `errorCode` is the error frame that announced it, where there was one. */
  | {
      readonly kind: 'closed';
      readonly closeCode: number;
      readonly errorCode?: ErrorCode;
      readonly retryAfterMs?: number;
    }
  /** The broker answered `register` with an error that does not close. */
  | { readonly kind: 'not_registered'; readonly errorCode: ErrorCode; readonly retryAfterMs?: number }
  /** The upgrade was answered with another status than 101; `errorCode` when the body told one. */
  | { readonly kind: 'upgrade_refused'; readonly httpStatus: number; readonly errorCode?: ErrorCode }
  /** No connection: the address, the network, TLS. */
  | { readonly kind: 'network'; readonly detail: string }
  /** The token supplier threw or rejected. Its message is not kept: it may hold a secret. */
  | { readonly kind: 'token' }
  /** Connecting and registering took longer than allowed. */
  | { readonly kind: 'deadline' }
  /** Neither message nor ping nor pong for 2.5 heartbeat intervals. */
  | { readonly kind: 'silence' }
  /** `registered` came with a ticket key too short to be safe. */
  | { readonly kind: 'bad_ticket_key' };

/** Upgrade statuses that another attempt with the same options cannot change. */
const FINAL_HTTP_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 426]);

/**
 * Whether another attempt makes sense.
 *
 * @param renewable whether the token comes from a supplier, so that the next attempt brings another one
 */
export function mayRetry(failure: ConnectionFailure, renewable: boolean): boolean {
  switch (failure.kind) {
    case 'closed':
      return failure.errorCode === 'TOKEN_EXPIRED' ? renewable : mayReconnect(failure.closeCode);
    case 'upgrade_refused':
      if (failure.errorCode === 'TOKEN_EXPIRED') return renewable;
      // A bare 401 does not tell an expired token from a wrong one: another token is worth a try.
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

/** Adds to a close what the error frame before it said, if that error is one that closes with this code. */
export function addErrorToClose(
  failure: ConnectionFailure,
  lastError: ErrorMessage | undefined,
): ConnectionFailure {
  if (failure.kind !== 'closed' || lastError === undefined) return failure;
  if (ERRORS[lastError.code].closeCode !== failure.closeCode) return failure;
  return { ...failure, errorCode: lastError.code, ...pickRetryAfter(lastError) };
}

/** A broker that answers `register` with an error, and leaves the connection open. */
export function toRegistrationFailure(error: ErrorMessage): ConnectionFailure | undefined {
  if (ERRORS[error.code].closeCode !== null) return undefined;
  return { kind: 'not_registered', errorCode: error.code, ...pickRetryAfter(error) };
}

/** How long the broker wants to be left alone, in milliseconds. */
export function requestedPauseMs(failure: ConnectionFailure): number {
  return 'retryAfterMs' in failure ? (failure.retryAfterMs ?? 0) : 0;
}

function pickRetryAfter({ retryAfterMs }: ErrorMessage): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
