import { Type, type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './codes.js';
import { DurationMs, RequestId, SessionId } from './identifiers.js';

/** Something was refused or failed. Sent on both channels. The connection stays open unless a close follows. */
export const ErrorMessage = Type.Object({
  type: Type.Literal('error'),
  code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
  /** What happened and what to do, for people. It may change: do not compare it. */
  message: Type.String(),
  /** Whether the same request may succeed later. */
  retryable: Type.Boolean(),
  /** The earliest next attempt, from now; spread at random. */
  retryAfterMs: Type.Optional(DurationMs),
  /** The request that it answers. */
  requestId: Type.Optional(RequestId),
  /** The session that it is about. */
  sessionId: Type.Optional(SessionId),
});
export type ErrorMessage = Static<typeof ErrorMessage>;
