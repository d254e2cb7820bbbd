import { Type, type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './codes.js';
import { DurationMs, RequestId, SessionId } from './identifiers.js';

/** A request was refused or failed. Sent to clients and hosts. The connection stays open unless a close frame follows. */
export const ErrorMessage = Type.Object({
  type: Type.Literal('error'),
  code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
  /** What happened and what to do, for people. The text may change: compare `code` instead. */
  message: Type.String(),
  /** Whether the same request may succeed later. */
  retryable: Type.Boolean(),
  /** Time until the earliest next attempt, from now, with random jitter. */
  retryAfterMs: Type.Optional(DurationMs),
  /** The type of the message that this error answers. Absent if it answers none, or one of an unknown type. */
  inReplyTo: Type.Optional(Type.String()),
  /** The request that this error is about. */
  requestId: Type.Optional(RequestId),
  /** The session that this error is about. */
  sessionId: Type.Optional(SessionId),
});
export type ErrorMessage = Static<typeof ErrorMessage>;
