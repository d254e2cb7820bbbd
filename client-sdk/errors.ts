import type { ErrorMessage } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { isCloseCodeOfError, errorCodeOfClose, mayReconnect } from './close-codes.js';

/** Errors that arise in the SDK itself, beside those the broker sends. */
const LOCAL_ERRORS = {
  /** The caller's `signal` was aborted. The error's `name` is `AbortError`, as elsewhere on the platform. */
  ABORTED: { message: 'The operation was aborted.', retryable: false },
  /** `close()` was called, or the connection ended for good (then `cause` tells why). */
  CLIENT_CLOSED: { message: 'The client is closed.', retryable: false },
  CONNECTION_LOST: { message: 'The connection to the broker was lost.', retryable: true },
  /** No `welcome` within `connectTimeoutMs`. */
  CONNECT_TIMEOUT: { message: 'The broker did not answer in time.', retryable: true },
  /** The token supplier threw; `cause` is what it threw. */
  TOKEN_UNAVAILABLE: { message: 'The token supplier failed.', retryable: true },
  /** Not one region's beacon answered: the device is offline, or the choice of regions leaves none. */
  NO_REGION_MEASURED: { message: 'No region answered the measurement.', retryable: true },
  /** `onOffer` said no, or threw (then `cause` is what it threw). */
  OFFER_DECLINED: { message: 'The offered slot was declined.', retryable: false },
  /** Another `play` of this client has the same `requestId` and is pending, or its session lives. */
  REQUEST_IN_USE: { message: 'This requestId is in use.', retryable: false },
} as const;

export type LocalErrorCode = keyof typeof LOCAL_ERRORS;

export interface ErrorDetails {
  /** The WebSocket close code, where a close brought the error. */
  readonly closeCode?: number;
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  readonly sessionId?: string;
  readonly cause?: unknown;
}

/**
 * Every error that the SDK rejects with or reports. Decide by `code` and `retryable`; `message` is for people.
 * A newer broker may send codes that this version does not name: `retryable` is right for those too.
 */
export class DusklineError extends Error {
  readonly code: ErrorCode | LocalErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** When to try again at the earliest, in milliseconds, if the broker said so. */
  readonly retryAfterMs: number | undefined;
  readonly closeCode: number | undefined;
  readonly requestId: string | undefined;
  readonly sessionId: string | undefined;

  constructor(
    code: ErrorCode | LocalErrorCode,
    message: string,
    retryable: boolean,
    details: ErrorDetails = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : {});
    this.name = code === 'ABORTED' ? 'AbortError' : 'DusklineError';
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = details.retryAfterMs;
    this.closeCode = details.closeCode;
    this.requestId = details.requestId;
    this.sessionId = details.sessionId;
  }
}

export function localError(code: LocalErrorCode, details: ErrorDetails = {}): DusklineError {
  const { message, retryable } = LOCAL_ERRORS[code];
  return new DusklineError(code, message, retryable, details);
}

export function brokerError(frame: ErrorMessage, closeCode?: number): DusklineError {
  const details = closeCode === undefined ? frame : { ...frame, closeCode };
  return new DusklineError(frame.code, frame.message, frame.retryable, details);
}

/**
 * Why the broker closed: the last error frame, if this kind of error closes with this code; else what the
 * registry has for the close code; else only that the connection is gone.
 */
export function closeError(closeCode: number, lastError: ErrorMessage | undefined): DusklineError {
  if (lastError !== undefined && isCloseCodeOfError(lastError.code, closeCode)) {
    return brokerError(lastError, closeCode);
  }
  const code = errorCodeOfClose(closeCode);
  if (code === undefined) return localError('CONNECTION_LOST', { closeCode });
  const message = `The broker closed the connection with ${closeCode}.`;
  return new DusklineError(code, message, mayReconnect(closeCode), { closeCode });
}

/** What an aborted signal rejects with: its reason, where the SDK itself gave one. */
export function abortError(signal: AbortSignal): DusklineError {
  if (signal.reason instanceof DusklineError) return signal.reason;
  return localError('ABORTED', { cause: signal.reason });
}
