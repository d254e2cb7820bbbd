export {
  silentLogger,
  systemClock,
  type BackoffOptions,
  type Clock as HostClock,
  type Logger as HostLogger,
} from '@duskline/sdk-runtime';
export type { Admission, RefusalReason } from './admission/admission.js';
export { REFUSAL_REASONS } from './admission/admission.js';
export { CannotMoveError, type Checkpoint } from './sessions/checkpoint.js';
export { createHost } from './host.js';
export type {
  Host,
  HostEvents,
  MovingSession,
  NearLimit,
  ReceivedSignal,
  ReplacedStream,
} from './host-interface.js';
export type { HostOptions } from './host-options.js';
export { HostClosedError, type ClosedStatus, type HostStatus } from './connection/host-status.js';
export type { HostedSession } from './sessions/hosted-session.js';
export type { ConnectionFailure } from './connection/connection-failure.js';
export {
  createBackoffPolicy,
  type ReconnectPolicy,
  type RetryContext,
} from './connection/reconnect-policy.js';
export type { EndedSession, PreparedSession } from './sessions/session-record.js';
export type { HostSessionState } from './sessions/session-transitions.js';
export { ticketAudience, type HostAddress } from './admission/ticket-verifier.js';
