import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { ErrorMessage } from '@duskline/protocol';
import type { MessageType } from '@duskline/protocol/validation';
import { StoreUnavailableError } from '../store/fleet-store.js';

/** The reason why a request of a client or host fails: an error of the protocol's registry. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  /** The session that the error concerns, for requests that do not name a session. */
  readonly sessionId: string | undefined;

  /** @param options.message replaces the text of the registry */
  constructor(
    code: ErrorCode,
    options: { message?: string; retryAfterMs?: number; sessionId?: string } = {},
  ) {
    super(options.message ?? ERRORS[code].message);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.sessionId = options.sessionId;
  }
}

/** Varies a delay by ±25 %, so that clients that failed at the same time do not retry at the same time. */
export function jittered(ms: number): number {
  return Math.round(ms * (0.75 + Math.random() / 2));
}

const UNAVAILABLE_RETRY_MS = 1_000;

/** Converts any error to one that may be sent to a client: UNAVAILABLE when the store is unreachable, INTERNAL for a bug. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreUnavailableError) {
    return new Refusal('UNAVAILABLE', { retryAfterMs: jittered(UNAVAILABLE_RETRY_MS) });
  }
  return new Refusal('INTERNAL');
}

/**
 * Creates the `error` message for a refusal.
 *
 * @param inReplyTo the type of the message that it answers; `null` if it answers none
 */
export function errorMessage(
  refusal: Refusal,
  inReplyTo: MessageType | null,
  about: { requestId?: string | undefined; sessionId?: string | undefined } = {},
): ErrorMessage {
  return {
    type: 'error',
    code: refusal.code,
    message: refusal.message,
    retryable: ERRORS[refusal.code].retryable,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
    ...(inReplyTo === null ? {} : { inReplyTo }),
    ...(about.requestId === undefined ? {} : { requestId: about.requestId }),
    ...(about.sessionId === undefined ? {} : { sessionId: about.sessionId }),
  };
}
