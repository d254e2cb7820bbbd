import { Type, type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './codes.js';
import { DurationMs, RequestId, SessionId } from './identifiers.js';

/** Something was refused or went wrong. Sent on both channels; the connection stays open unless a close follows. */
export const ErrorMessage = Type.Object({
  type: Type.Literal('error'),
  code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
  /** For people: what happened and what to do. Not for matching in code. */
  message: Type.String(),
  /** Whether the same request may succeed later. */
  retryable: Type.Boolean(),
  /** When to try again, at the earliest. */
  retryAfterMs: Type.Optional(DurationMs),
  /** The request it answers. */
  requestId: Type.Optional(RequestId),
  /** The session it is about. */
  sessionId: Type.Optional(SessionId),
});
export type ErrorMessage = Static<typeof ErrorMessage>;
