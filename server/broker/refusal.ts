import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { ErrorMessage } from '@duskline/protocol';
import { StoreUnavailableError } from '../store/fleet-store.js';

/** A request that is answered with an error of the registry. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  /** The session that the refusal is about, where the request names none. */
  readonly sessionId: string | undefined;

  /** @param message says more than the registry's text, when there is more to say */
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

/** Spreads those who are told to come back, so that they do not come back together. */
export function jittered(ms: number): number {
  return Math.round(ms * (0.75 + Math.random() / 2));
}

const UNAVAILABLE_RETRY_MS = 1_000;

/** What a failure is called towards the client: a refusal as it is, a lost store, or a fault of ours. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreUnavailableError) {
    return new Refusal('UNAVAILABLE', { retryAfterMs: jittered(UNAVAILABLE_RETRY_MS) });
  }
  return new Refusal('INTERNAL');
}

/** The frame that carries a refusal. */
export function errorMessage(
  refusal: Refusal,
  about: { requestId?: string | undefined; sessionId?: string | undefined } = {},
): ErrorMessage {
  return {
    type: 'error',
    code: refusal.code,
    message: refusal.message,
    retryable: ERRORS[refusal.code].retryable,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
    ...(about.requestId === undefined ? {} : { requestId: about.requestId }),
    ...(about.sessionId === undefined ? {} : { sessionId: about.sessionId }),
  };
}
