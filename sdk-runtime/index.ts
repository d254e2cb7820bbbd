export { createBackoff, type BackoffOptions, type ReconnectPolicy, type RetryProgress } from './backoff.js';
export { systemClock, systemRandom, type Clock, type Random } from './clock.js';
export { isJsonObject, parseJson } from './json.js';
export { silentLogger, type Logger } from './logger.js';
export { callListener, TypedEvents, type Listener } from './typed-events.js';
