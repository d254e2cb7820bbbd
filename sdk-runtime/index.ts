export { createBackoff, type BackoffOptions, type ReconnectPolicy, type RetryProgress } from './backoff.js';
export { isJsonObject, parseJson } from './json.js';
export { silentLogger, type Logger } from './logger.js';
export { systemTimers, type Timers } from './timers.js';
export { callListener, TypedEvents, type Listener } from './typed-events.js';
