import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { ErrorMessage } from '@duskline/protocol';
import type { RandomSource } from '../runtime/runtime.js';
import { StoreUnavailableError } from '../store/fleet-store.js';

/** The reason why a request of a client or host fails: an error of the protocol's registry. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly code: ErrorCode;
  /** Time after which the request succeeds. */
  readonly retryAfterMs: number | undefined;
  /** Mean time after which the request may be repeated. Each peer gets a different delay, so that they do not retry together. */
  readonly retryAboutMs: number | undefined;
  /** The session that the error concerns, for requests that do not name a session. */
  readonly sessionId: string | undefined;

  /** @param options.message replaces the text of the registry */
  constructor(
    code: ErrorCode,
    options: { message?: string; retryAfterMs?: number; retryAboutMs?: number; sessionId?: string } = {},
  ) {
    super(options.message ?? ERRORS[code].message);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.retryAboutMs = options.retryAboutMs;
    this.sessionId = options.sessionId;
  }
}

/** Varies a delay by ±25 %, so that clients that failed at the same time do not retry at the same time. */
export function drawRetryMs(meanMs: number, random: Pick<RandomSource, 'number'>): number {
  return Math.round(meanMs * (0.75 + random.number() / 2));
}

/** The delay after which the peer may repeat its request, in milliseconds. */
export function retryAfterOf(
  { retryAfterMs, retryAboutMs }: Refusal,
  random: Pick<RandomSource, 'number'>,
): number | undefined {
  return retryAboutMs === undefined ? retryAfterMs : drawRetryMs(retryAboutMs, random);
}

const UNAVAILABLE_RETRY_MS = 1_000;

/** Converts any error to one that may be sent to a client: UNAVAILABLE when the store is unreachable, INTERNAL for a bug. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreUnavailableError) {
    return new Refusal('UNAVAILABLE', { retryAboutMs: UNAVAILABLE_RETRY_MS });
  }
  return new Refusal('INTERNAL');
}

/** Creates the `error` message for a refusal. */
export function errorMessage(
  refusal: Refusal,
  random: Pick<RandomSource, 'number'>,
  about: { requestId?: string | undefined; sessionId?: string | undefined } = {},
): ErrorMessage {
  const retryAfterMs = retryAfterOf(refusal, random);
  return {
    type: 'error',
    code: refusal.code,
    message: refusal.message,
    retryable: ERRORS[refusal.code].retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(about.requestId === undefined ? {} : { requestId: about.requestId }),
    ...(about.sessionId === undefined ? {} : { sessionId: about.sessionId }),
  };
}
