import type { ErrorMessage } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { isCloseCodeOfError, errorCodeOfClose, mayReconnect } from './close-codes.js';

/** Errors that the SDK raises itself, in addition to those that the broker sends. */
const LOCAL_ERRORS = {
  /** The caller's `signal` was aborted. The error's `name` is `AbortError`, as for platform APIs. */
  ABORTED: { message: 'The operation was aborted.', retryable: false },
  /** `close()` was called, or the client closed permanently for the reason in `cause`. */
  CLIENT_CLOSED: { message: 'The client is closed.', retryable: false },
  CONNECTION_LOST: { message: 'The connection to the broker was lost.', retryable: true },
  /** No `welcome` within `connectTimeoutMs`. */
  CONNECT_TIMEOUT: { message: 'The broker did not answer in time.', retryable: true },
  /** The token supplier threw; `cause` is what it threw. */
  TOKEN_UNAVAILABLE: { message: 'The token supplier failed.', retryable: true },
  /** No beacon answered: the device is offline, or the option `regions` excludes every open region. */
  NO_REGION_MEASURED: { message: 'No region answered the measurement.', retryable: true },
  /** `onOffer` returned false, or threw; then `cause` is what it threw. */
  OFFER_DECLINED: { message: 'The offered slot was declined.', retryable: false },
  /** Another device, connection or request of the player has this request now: the player asked for that there. */
  REPLACED: { message: 'Another request of the player has taken this one over.', retryable: false },
  /** Another `play` of this client with the same `requestId` is pending, or its session has not ended. */
  REQUEST_IN_USE: { message: 'This requestId is in use.', retryable: false },
} as const;

export type LocalErrorCode = keyof typeof LOCAL_ERRORS;

export interface ErrorDetails {
  /** The WebSocket close code, if the connection was closed. */
  readonly closeCode?: number | undefined;
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  readonly sessionId?: string;
  readonly cause?: unknown;
}

/**
 * Every error with which the SDK rejects or that it reports. Programs decide by `code` and `retryable`; `message` is for people.
 * A newer broker may send codes that this version does not know; `retryable` is valid for those too.
 */
export class DusklineError extends Error {
  readonly code: ErrorCode | LocalErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before the next attempt at least, in milliseconds, if the broker named a time. */
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
    super(message, details);
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
  return new DusklineError(frame.code, frame.message, frame.retryable, { ...frame, closeCode });
}

/**
 * The error for a closed connection: the broker's last error frame, if errors of its kind close with this code; else the error
 * that the registry has for the close code; else `CONNECTION_LOST`.
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

/** The error for an aborted signal: its reason, if that is an error of the SDK, else `ABORTED`. */
export function abortError(signal: AbortSignal): DusklineError {
  if (signal.reason instanceof DusklineError) return signal.reason;
  return localError('ABORTED', { cause: signal.reason });
}
