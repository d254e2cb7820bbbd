export type { Admission, RefusalReason } from './admission.js';
export { REFUSAL_REASONS } from './admission.js';
export { CannotMoveError, type Checkpoint } from './checkpoint.js';
export { systemClock, type HostClock } from './clock.js';
export { createHost } from './host.js';
export type { Host, HostEvents, MovingSession, NearLimit, ReceivedSignal } from './host-interface.js';
export type { EndedSession, HostOptions, PreparedSession } from './host-options.js';
export { HostClosedError, type ClosedStatus, type HostStatus } from './host-status.js';
export type { HostedSession } from './hosted-session.js';
export type { LinkFailure } from './link-failure.js';
export { silentLogger, type HostLogger } from './logger.js';
export {
  createBackoffPolicy,
  type BackoffOptions,
  type ReconnectPolicy,
  type RetryContext,
} from './reconnect-policy.js';
export type { HostSessionState } from './session-transitions.js';
export { ticketAudience, type HostAddress } from './ticket-verifier.js';
